/* The live feed: one EventSource for all tabs of one browser, parts refreshed when their topic changes.

   The server sends  event: changed  data: {"topic": "owed"}  (or the bare topic), each with an id, and
   event: ping  at least every 20 s. A part says  data-live="owed warnings" hx-get="…" hx-trigger="tocsin:refresh".
   A lost link is told with the age of what is shown; when it is back, every part is refreshed once. */
(() => {
  "use strict";
  const SILENCE_MS = 50_000; // two and a half pings missed: the link is dead even if the socket is not
  const PATIENCE_MS = 3_000; // a blink of the network is not worth a bar
  const GATHER_MS = 150;
  const JITTER_MS = 350; // so that a floor of screens does not ask in the same instant
  let fresh = Date.now(); // when what is shown was last known to be right
  let lost = false;
  let lastId = "";
  let pings = false;
  let source = null;
  let retry = 1000;
  let watchdog = 0;
  let lostTimer = 0;
  const waiting = new Map();
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("tocsin.live") : null;

  /* ----- parts ----- */
  const busy = (part) => {
    const active = document.activeElement;
    return part.contains(active) && active.matches("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select");
  };
  const refresh = (part) => {
    if (waiting.has(part)) return;
    const wait = GATHER_MS + Math.random() * JITTER_MS;
    waiting.set(part, setTimeout(() => {
      waiting.delete(part);
      if (!part.isConnected) return;
      if (busy(part)) { part.addEventListener("focusout", () => refresh(part), { once: true }); return; }
      window.htmx?.trigger(part, "tocsin:refresh");
    }, wait));
  };
  const parts = () => document.querySelectorAll("[data-live]");
  const changed = (topic) => { for (const part of parts()) if (part.dataset.live.split(/\s+/).includes(topic)) refresh(part); };
  const refreshAll = () => { for (const part of parts()) refresh(part); };

  /* ----- keep focus, selection and scroll over a swap ----- */
  const place = new WeakMap();
  const pathTo = (node, root) => {
    if (node.id) return `#${CSS.escape(node.id)}`;
    if (node.getAttribute("href")) return `[href="${CSS.escape(node.getAttribute("href"))}"]`;
    if (node.name) return `[name="${CSS.escape(node.name)}"]${node.value ? `[value="${CSS.escape(node.value)}"]` : ""}`;
    const same = [...root.querySelectorAll(node.tagName)];
    return `${node.tagName}@${same.indexOf(node)}`;
  };
  const follow = (path, root) => {
    const [tag, n] = path.split("@");
    return n === undefined ? root.querySelector(path) : root.querySelectorAll(tag)[Number(n)];
  };
  let pending = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    const part = target.closest?.("[data-live]") || target;
    const active = document.activeElement;
    pending = {
      id: part.id,
      focus: part !== active && part.contains(active) ? pathTo(active, part) : null,
      scroll: [part, ...part.querySelectorAll("[data-scroll]")].filter((n) => n.id && n.scrollTop).map((n) => [n.id, n.scrollTop]),
      open: [...part.querySelectorAll("details[open][id]")].map((n) => n.id),
    };
    place.set(part, pending);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!pending) return;
    const { id, focus, scroll, open } = pending;
    pending = null;
    for (const d of open) document.getElementById(d)?.setAttribute("open", "");
    for (const [node, top] of scroll) { const n = document.getElementById(node); if (n) n.scrollTop = top; }
    const root = id ? document.getElementById(id) : null;
    if (focus && root && !root.contains(document.activeElement)) follow(focus, root)?.focus({ preventScroll: true });
  });

  /* ----- the bar ----- */
  const bar = () => document.getElementById("link-lost");
  const setLost = (is) => {
    if (is === lost) return;
    lost = is;
    const node = bar();
    if (!node) return;
    node.hidden = !is;
    const age = node.querySelector("[data-ago]");
    if (is && age && window.tocsinTime) age.dataset.ago = new Date(fresh + (window.tocsinTime.now() - Date.now())).toISOString();
    if (!is) refreshAll();
  };

  const hear = (message) => {
    if (message.kind === "lost") { lostTimer ||= setTimeout(() => setLost(true), PATIENCE_MS); return; }
    clearTimeout(lostTimer);
    lostTimer = 0;
    fresh = Date.now();
    setLost(false);
    if (message.kind === "changed") {
      changed(message.topic);
      document.dispatchEvent(new CustomEvent("tocsin:changed", { detail: message }));
    }
  };
  const tell = (message) => { hear(message); channel?.postMessage(message); };
  if (channel) channel.onmessage = (event) => hear(event.data);

  /* ----- the feed ----- */
  const topicOf = (data) => { try { const read = JSON.parse(data); return typeof read === "string" ? read : read.topic; } catch { return data; } };
  const feed = () => document.body.dataset.feed;
  const watch = () => {
    clearTimeout(watchdog);
    if (pings) watchdog = setTimeout(() => again(), SILENCE_MS);
  };
  const again = () => {
    source?.close();
    source = null;
    tell({ kind: "lost" });
    setTimeout(connect, retry * (0.5 + Math.random()));
    retry = Math.min(10_000, retry * 2);
  };
  const connect = () => {
    if (source) return;
    const url = new URL(feed(), location.href);
    if (lastId) url.searchParams.set("last-event-id", lastId); // a new EventSource cannot send the header itself
    source = new EventSource(url);
    source.onopen = () => { retry = 1000; tell({ kind: "ok" }); watch(); };
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) again(); else tell({ kind: "lost" }); };
    source.addEventListener("ping", () => { pings = true; tell({ kind: "ok" }); watch(); });
    source.addEventListener("changed", (event) => {
      lastId = event.lastEventId || lastId;
      tell({ kind: "changed", topic: topicOf(event.data) });
      watch();
    });
  };
  const start = () => {
    if (!feed()) return;
    // Browsers allow six connections to a server: one tab holds the feed and tells the others.
    if (navigator.locks && channel) navigator.locks.request("tocsin.live", () => { connect(); return new Promise(() => {}); });
    else connect();
  };
  document.addEventListener("DOMContentLoaded", start);
  addEventListener("pagehide", () => { source?.close(); source = null; clearTimeout(watchdog); clearTimeout(lostTimer); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  addEventListener("offline", () => setLost(true));
  document.addEventListener("tocsin:fuse", (event) => {
    const part = event.detail.tone === "out" && event.target.closest("[data-live]");
    if (part) refresh(part);
  });

  /* ----- a request that did not go through says so ----- */
  const say = (words) => {
    const area = document.getElementById("notices");
    const mould = document.getElementById("notice-mould");
    if (!area || !mould) return;
    const note = mould.content.cloneNode(true);
    note.querySelector("[data-words]").textContent = words;
    area.replaceChildren(note);
    area.scrollIntoView({ block: "nearest" });
  };
  const quietly = (event) => event.detail.requestConfig?.triggeringEvent?.type === "tocsin:refresh";
  document.addEventListener("htmx:sendError", (event) => { if (!quietly(event)) say("The server could not be reached, so nothing was changed. Try again when the link is back."); });
  document.addEventListener("htmx:responseError", (event) => {
    if (quietly(event)) return;
    const status = event.detail.xhr.status;
    const told = event.detail.xhr.getResponseHeader("Tocsin-Message");
    const plain = status === 403 ? "You are signed out, or may not do this. Nothing was changed. Reload the page and sign in again."
      : status === 409 ? "Somebody else changed this first. Nothing was changed. Reload the page to see it as it is now."
      : `The server refused this (${status}). Nothing was changed.`;
    say(told ? decodeURIComponent(told) : plain);
  });
})();
