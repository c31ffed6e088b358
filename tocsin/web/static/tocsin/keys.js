/* Keys. An element with data-key="j" (or "g o" for two in a row) is pressed or focused by it.
   A list with data-list moves with j and k; "?" shows what the page answers to. */
(() => {
  "use strict";
  const KEPT = "tocsin.keys";
  const PATIENCE_MS = 1200; // between the two keys of a pair
  const read = () => { try { return localStorage.getItem(KEPT) !== "off"; } catch { return true; } };
  let on = read();
  let first = "";
  let timer = 0;

  const writing = (e) => e.target.closest?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), select, textarea, [contenteditable]");
  const seen = (node) => node.checkVisibility ? node.checkVisibility() : node.offsetParent !== null;
  const wordsOf = (node) => {
    const told = node.dataset.keyLabel || node.getAttribute("aria-label") || node.title;
    if (told) return told;
    const copy = (node.labels?.[0] || node).cloneNode(true);
    for (const extra of copy.querySelectorAll("kbd, .count, input, textarea, select")) extra.remove();
    return copy.textContent.trim().replace(/\s+/g, " ");
  };

  const press = (node) => {
    if (node.matches("input:not([type=checkbox], [type=radio]), select, textarea")) { node.focus(); node.select?.(); return; }
    node.focus({ preventScroll: false });
    node.click();
  };

  const items = (list) => [...list.querySelectorAll("[data-item]")].filter(seen);
  const handle = (item) => item.matches("a, button") ? item : item.querySelector("[data-item-link], a, button") || item;
  const move = (by) => {
    const active = document.activeElement;
    const list = active?.closest?.("[data-list]") || [...document.querySelectorAll("[data-list]")].find(seen);
    if (!list) return false;
    const all = items(list);
    if (!all.length) return false;
    let at = all.findIndex((i) => i.contains(active));
    if (at < 0) at = all.findIndex((i) => i.matches("[aria-current]"));
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
    const target = handle(next);
    target.focus();
    next.scrollIntoView({ block: "nearest" });
    if (list.dataset.list === "open") target.click();
    return true;
  };

  const find = (keys) => [...document.querySelectorAll("[data-key]")].find((n) => n.dataset.key === keys && seen(n) && !n.disabled);
  const starts = (keys) => [...document.querySelectorAll("[data-key]")].some((n) => n.dataset.key.startsWith(`${keys} `));

  const sheet = () => document.getElementById("keys");
  const line = (keys, words) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    keys.split(" ").forEach((k, n) => {
      if (n) dt.append(" ");
      const kbd = document.createElement("kbd");
      kbd.textContent = k;
      dt.append(kbd);
    });
    dd.textContent = words;
    return [dt, dd];
  };
  const show = () => {
    const dialog = sheet();
    if (!dialog || dialog.open) return;
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    const told = new Set();
    for (const node of document.querySelectorAll("[data-key]")) {
      const keys = node.dataset.key;
      if (told.has(keys) || (!seen(node) && !keys.includes(" "))) continue;
      told.add(keys);
      list.append(...line(keys, wordsOf(node)));
    }
    if (document.querySelector("[data-list]")) list.append(...line("j", "Next in the list"), ...line("k", "Previous in the list"));
    list.append(...line("?", "This sheet"));
    dialog.showModal();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && writing(event)) { event.target.blur(); return; }
    if (writing(event) || document.querySelector("dialog[open]") || event.key.length !== 1) return;
    if (event.key === "?") { event.preventDefault(); show(); return; }
    if (!on) return;
    clearTimeout(timer);
    const keys = first ? `${first} ${event.key}` : event.key;
    first = "";
    const node = find(keys) || find(event.key);
    if (node) { event.preventDefault(); press(node); return; }
    if (starts(event.key)) { first = event.key; timer = setTimeout(() => { first = ""; }, PATIENCE_MS); return; }
    if (event.key === "j" || event.key === "k") { if (move(event.key === "j" ? 1 : -1)) event.preventDefault(); }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-open]")) show();
    if (event.target.closest("[data-dismiss]")) event.target.closest(".notice")?.remove();
    for (const menu of document.querySelectorAll("details.actor[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-keys-toggle]")) return;
    on = event.target.checked;
    try { localStorage.setItem(KEPT, on ? "on" : "off"); } catch { /* not remembered */ }
  });
  document.addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector("[data-keys-toggle]");
    if (box) box.checked = on;
    for (const tab of document.querySelectorAll(".tabs [aria-current]")) { // the open tab is never past the edge
      const row = tab.closest(".tabs");
      row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
    }
  });
})();
