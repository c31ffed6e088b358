/* Fuses and relative times, once a second, by the server's clock (data-now), without layout shift.
   The words are those of templatetags/_times.py: change both together. */
(() => {
  "use strict";
  const LAST_PART = 0.25;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let offset = 0; // server's clock minus ours, in ms
  let held = false; // a clock that stands still (an exercise between steps)
  let zone = "UTC";

  const readClock = (root) => {
    const stamps = [...root.querySelectorAll("[data-now]")].map((e) => Date.parse(e.dataset.now));
    if (root.dataset?.now) stamps.push(Date.parse(root.dataset.now));
    const newest = Math.max(...stamps.filter(Number.isFinite));
    if (Number.isFinite(newest)) offset = newest - Date.now();
    held = document.body.dataset.clock === "held";
    zone = document.body.dataset.zone || zone;
  };
  let heldAt = 0;
  const now = () => (held ? heldAt : Date.now() + offset);

  const span = (ms) => {
    const s = Math.floor(Math.abs(ms) / 1000);
    if (s < 60) return `${s} s`;
    const m = Math.floor(s / 60);
    if (m < 60) return `${m} min`;
    const h = Math.floor(m / 60);
    if (h < 24) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
    const d = Math.floor(h / 24);
    const unit = d === 1 ? "day" : "days";
    return h % 24 && d < 3 ? `${d} ${unit} ${h % 24} h` : `${d} ${unit}`;
  };
  const ago = (at, t) => {
    const passed = t - at;
    if (Math.abs(passed) < 10_000) return "now";
    return passed > 0 ? `${span(passed)} ago` : `in ${span(passed)}`;
  };
  const set = (node, words) => { if (node && node.textContent !== words) node.textContent = words; };

  const burn = (fuse, t) => {
    const opened = Date.parse(fuse.dataset.opened);
    const due = Date.parse(fuse.dataset.due);
    const out = t >= due;
    const share = out ? 0 : due > opened ? Math.min(1, (due - t) / (due - opened)) : 1;
    const tone = out ? "out" : share <= LAST_PART ? "last" : "calm";
    const late = t - due;
    set(fuse.querySelector(".fuse-words"), out ? (late < 1000 ? "due now" : `due ${span(late)} ago`) : `${span(due - t)} left`);
    if (fuse.dataset.tone !== tone) {
      fuse.dataset.tone = tone;
      fuse.dispatchEvent(new CustomEvent("tocsin:fuse", { bubbles: true, detail: { tone } }));
    }
    if (still.matches) return;
    const width = `${(share * 100).toFixed(2)}%`;
    fuse.querySelector(".fuse-left")?.setAttribute("width", width);
    fuse.querySelector(".fuse-end")?.setAttribute("x", width);
  };

  const tick = () => {
    const t = now();
    for (const fuse of document.querySelectorAll("[data-fuse]")) burn(fuse, t);
    for (const node of document.querySelectorAll("[data-ago]")) set(node, ago(Date.parse(node.dataset.ago), t));
    for (const node of document.querySelectorAll("[data-wall-clock]")) {
      set(node, new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(t) + ` ${node.dataset.wallClock}`);
    }
  };
  const settle = (root) => { readClock(root); heldAt = Date.now() + offset; tick(); };

  document.addEventListener("DOMContentLoaded", () => { settle(document.body); setInterval(() => { if (!document.hidden) tick(); }, 1000); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
  document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) settle(event.target); });
  window.tocsinTime = { now, span, ago };
})();
