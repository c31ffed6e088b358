/* Web push for this device: asked for by a press, taken back by a press. */
(() => {
  "use strict";
  const part = document.querySelector("[data-push]");
  if (!part || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  const on = part.querySelector("[data-push-on]");
  const off = part.querySelector("[data-push-off]");
  const said = part.querySelector("[data-push-said]");
  const token = part.querySelector("[name=csrfmiddlewaretoken]").value;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const tell = async (body) => {
    const answer = await fetch(part.dataset.to, {
      method: "POST", credentials: "same-origin", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    });
    if (!answer.ok) throw new Error(String(answer.status));
  };
  const show = (is) => { on.hidden = is; off.hidden = !is; };
  const worker = () => navigator.serviceWorker.register(part.dataset.worker, { scope: "/partner" });
  on.addEventListener("click", async () => {
    try {
      if (await Notification.requestPermission() !== "granted") {
        said.textContent = "This browser does not allow it. Change that in its settings for this site.";
        return;
      }
      const kept = await (await worker()).pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(part.dataset.key) });
      await tell({ endpoint: kept.endpoint, p256dh: text(kept.getKey("p256dh")), auth: text(kept.getKey("auth")) });
      show(true);
      said.textContent = "This device is told.";
    } catch {
      said.textContent = "It did not work. Try again, or use another browser.";
    }
  });
  off.addEventListener("click", async () => {
    const kept = await (await worker()).pushManager.getSubscription();
    if (kept) { await tell({ endpoint: kept.endpoint, off: true }); await kept.unsubscribe(); }
    show(false);
    said.textContent = "This device is no longer told.";
  });
  part.hidden = false;
  navigator.serviceWorker.getRegistration("/partner").then(async (r) => show(Boolean(r && await r.pushManager.getSubscription())));
})();
