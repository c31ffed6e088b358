/* Day or night, before the first paint. Loaded without defer, in the head. */
(() => {
  "use strict";
  const KEPT = "tocsin.theme";
  const root = document.documentElement;
  const read = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window: not remembered */ } };

  const apply = (theme) => {
    if (theme === "day" || theme === "night") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(read(KEPT));
  root.dataset.js = "on";

  const shown = () => root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day");
  const say = () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const label = shown() === "night" ? "Day colours" : "Night colours";
      button.setAttribute("aria-label", label);
      button.title = label;
    }
  };
  document.addEventListener("DOMContentLoaded", say);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const next = shown() === "night" ? "day" : "night";
    apply(next);
    keep(KEPT, next);
    say();
  });
  addEventListener("storage", (event) => { if (event.key === KEPT) { apply(event.newValue); say(); } });
})();
