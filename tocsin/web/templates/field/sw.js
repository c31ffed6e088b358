/* Keeps the app's own files, so that it opens without a line. What they show is kept elsewhere, encrypted. */
"use strict";
const KEPT = "tocsin-field-{{ version }}";
const FILES = {{ keep|safe }};
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((c) => c.addAll(FILES.map((f) => new Request(f, { cache: "reload" })))).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((n) => n.startsWith("tocsin-field-") && n !== KEPT).map((n) => caches.delete(n)))).then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const at = new URL(event.request.url);
  if (event.request.method !== "GET" || at.origin !== self.location.origin || !FILES.includes(at.pathname)) return;
  event.respondWith(caches.open(KEPT).then((c) => c.match(at.pathname)).then((kept) => kept || fetch(event.request)));
});
