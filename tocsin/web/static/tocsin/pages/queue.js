/* Enter decides. In a text it does too (Shift+Enter starts a new line), so that hands stay on the keys. */
(() => {
  "use strict";
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const form = document.querySelector("form[data-worksheet]");
    if (!form) return;
    const at = event.target;
    const inside = form.contains(at);
    if (at.closest("button, summary, select") || (at.closest("a") && !at.matches("[data-item][aria-current]"))) return;
    if (!inside && at.closest("form, input, textarea")) return;
    event.preventDefault();
    form.requestSubmit();
  });
})();
