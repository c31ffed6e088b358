/* What is selected in a text of the release goes into "these words". Without this script one copies it there. */
(() => {
  "use strict";
  const words = document.getElementById("words");
  if (!words) return;
  const take = () => {
    const selection = document.getSelection();
    const text = selection.toString().trim();
    const from = selection.anchorNode?.parentElement?.closest(".rel-field");
    if (text && from && from === selection.focusNode?.parentElement?.closest(".rel-field")) words.value = text;
  };
  document.addEventListener("mouseup", take);
  document.addEventListener("keyup", (event) => { if (event.shiftKey) take(); });
})();
