/* The board's own: sightings on the map by number, and a sound for the highest class that not everybody knows of. */
(() => {
  "use strict";
  const E7 = 10_000_000;
  const GRAVEST = 5;
  let marks = null;
  let audio = null;
  let before = null;

  const board = () => document.getElementById("board");

  /* ----- on the map ----- */
  /** How long ago it was seen, and which way it went where nobody sees it any more. */
  const since = (s) => {
    const age = s.querySelector("time")?.textContent || ""; // kept right by time.js
    return s.dataset.lost === undefined ? age : `lost, ${age}${s.dataset.direction ? `, went ${s.dataset.direction}` : ""}`;
  };
  const draw = () => {
    const map = document.querySelector("[data-map]")?.tocsinMap;
    if (!map || !window.L) return;
    marks?.remove();
    marks = L.layerGroup().addTo(map);
    for (const s of board()?.querySelectorAll("[data-lat]") || []) {
      const icon = L.divIcon({ className: "board-mark", html: "", iconSize: [30, 30] });
      const mark = L.marker([Number(s.dataset.lat) / E7, Number(s.dataset.lon) / E7], { icon, title: `Sighting ${s.dataset.number}`, alt: `Sighting ${s.dataset.number}` });
      mark.on("add", () => { mark.getElement().textContent = s.dataset.number; });
      mark.on("click", () => s.click());
      const said = document.createElement("span"); // as text: what people wrote is never markup
      said.textContent = since(s);
      mark.bindTooltip(said, { permanent: true, direction: "right", offset: [16, 0], className: "board-since" });
      mark.addTo(marks);
    }
  };

  /* ----- a sound, when somebody has asked for it ----- */
  const ring = () => {
    if (!audio) return;
    const start = audio.currentTime;
    for (const [n, tone] of [880, 660, 880, 660].entries()) {
      const sound = audio.createOscillator();
      const loud = audio.createGain();
      sound.frequency.value = tone;
      loud.gain.setValueAtTime(0.25, start + n * 0.25);
      loud.gain.exponentialRampToValueAtTime(0.001, start + n * 0.25 + 0.24);
      sound.connect(loud).connect(audio.destination);
      sound.start(start + n * 0.25);
      sound.stop(start + n * 0.25 + 0.25);
    }
  };
  const listen = () => {
    const now = `${board()?.dataset.worst}:${board()?.querySelectorAll('[data-severity="5"]').length}:${document.querySelectorAll(".board-hold").length}`;
    const asks = Number(board()?.dataset.worst) >= GRAVEST || document.querySelector(".board-hold");
    if (before !== null && now !== before && asks) ring();
    before = now;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-board-sound]");
    if (!button) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    if (on) audio ||= new AudioContext(); else { audio?.close(); audio = null; }
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Sound: on" : "Sound: off";
    if (on) ring();
  });

  document.addEventListener("tocsin:map", draw, true);
  document.addEventListener("DOMContentLoaded", () => { listen(); setTimeout(draw, 0); });
  document.addEventListener("htmx:afterSwap", () => { listen(); draw(); });
  setInterval(draw, 30000); // an age grows by itself
})();
