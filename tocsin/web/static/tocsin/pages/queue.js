/* Enter decides. In a text it does too (Shift+Enter starts a new line), so that hands stay on the keys.
   What only a report needs (how likely, how sure) opens when a report is chosen. */
(() => {
  "use strict";
  const worksheet = () => document.querySelector("form[data-worksheet]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const form = worksheet();
    if (!form) return;
    const at = event.target;
    if (at.closest("button, summary, select") || (at.closest("a") && !at.matches("[data-item][aria-current]"))) return;
    if (!form.contains(at) && at.closest("form, input, textarea")) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const unfold = () => {
    const form = worksheet();
    const fold = form?.querySelector("#fold-likelihood");
    if (fold && form.querySelector("[name=disposition]:checked")?.value === "report") fold.open = true;
  };
  document.addEventListener("change", unfold);
  document.addEventListener("htmx:afterSettle", (event) => {
    unfold();
    // Keys pressed while the next report was coming: its form heard them, but nobody listened yet.
    const form = worksheet();
    if (form && event.detail.elt?.contains(form)) form.querySelector("[name=speech]:checked")?.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
