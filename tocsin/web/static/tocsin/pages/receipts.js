/* Says "opened" once the warning was really on a screen for a second: a fetched page alone says nothing. */
(() => {
  "use strict";
  const part = document.querySelector("[data-seen]");
  if (!part?.dataset.seen) return;
  const cookie = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  let timer = 0;
  const tell = () => {
    document.removeEventListener("visibilitychange", look);
    const body = new URLSearchParams({ do: "seen", csrfmiddlewaretoken: cookie });
    fetch(part.dataset.seen, { method: "POST", body, credentials: "same-origin", keepalive: true }).catch(() => {});
  };
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(tell, 1000);
  };
  document.addEventListener("visibilitychange", look);
  look();
})();
