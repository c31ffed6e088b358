/* Shows that something waits, and opens the page where it does. It keeps nothing and fetches nothing. */
"use strict";
self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data.json(); } catch { /* an empty push still says: look */ }
  event.waitUntil(self.registration.showNotification(told.line || "Something waits for you", {
    tag: told.key || "tocsin", renotify: true, requireInteraction: true, data: { path: told.path || "/partner" },
  }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const to = new URL(event.notification.data.path, self.location.origin);
  event.waitUntil(to.origin === self.location.origin ? self.clients.openWindow(to.pathname) : Promise.resolve());
});
