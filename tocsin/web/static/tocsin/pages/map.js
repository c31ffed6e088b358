// The map of an operation. `data-map` on an element with `data-ground` (GeoJSON to show) and `data-tiles`.
// A textarea with `data-map-points` is the shape being written: clicks add lines to it, typing draws it; an input
// with it is one point.
// Another script may use the map: `element.tocsinMap` (Leaflet), after the event `tocsin:map` on the element.
(() => {
  "use strict";
  const NAMED = 40;
  const round = (n) => Number(n.toFixed(7));
  const read = (text) => text.split("\n").map((line) => line.trim().split(/[,;\s]+/).map(Number))
    .filter((p) => p.length >= 2 && Number.isFinite(p[0]) && Number.isFinite(p[1])).map((p) => [p[0], p[1]]);

  // A grid in metres, so that a map without tiles still has a scale to go by.
  const Grid = L.GridLayer.extend({
    createTile() {
      const NS = "http://www.w3.org/2000/svg";
      const svg = document.createElementNS(NS, "svg");
      const path = document.createElementNS(NS, "path");
      path.setAttribute("class", "map-grid");
      path.setAttribute("d", "M0 0H256M0 0V256M128 0V256M0 128H256");
      svg.appendChild(path);
      return svg;
    },
  });

  function draw(feature, shown, named) {
    const tone = feature.properties.tone;
    const layer = L.geoJSON(feature, {
      style: () => ({ className: `map-${tone}` }),
      pointToLayer: (_, at) => L.circleMarker(at, { radius: tone.startsWith("position") ? 9 : 6, className: `map-${tone}` }),
    });
    layer.eachLayer((part) => {
      const words = document.createElement("span");
      words.textContent = feature.properties.label; // as text: a label is somebody's words, never markup
      const name = named && /^(area-(stage|building|place)|position|post)/.test(tone);
      part.bindTooltip(words, name
        ? { permanent: true, direction: tone === "area-building" ? "top" : "right", offset: [8, 0], className: "plan-name" }
        : { direction: "top", sticky: !(part instanceof L.CircleMarker) });
    });
    layer.tocsinLabel = feature.properties.label;
    shown.set(feature.id, layer);
    return layer;
  }

  async function fill(map, element, shown) {
    const answer = await fetch(element.dataset.ground, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const ground = await answer.json();
    for (const layer of shown.values()) layer.remove();
    shown.clear();
    for (const p of ground.pictures || []) {
      const [s, w, n, e] = p.bounds;
      shown.set(`picture:${p.url}`, L.imageOverlay(p.url, [[s, w], [n, e]], { alt: p.label, opacity: 0.85 }).addTo(map));
    }
    // Names stand beside their places while they have room; a crowded map tells them under the pointer.
    const named = ground.features.length <= NAMED;
    for (const feature of ground.features) draw(feature, shown, named).addTo(map);
    return ground;
  }

  function see(map, shown) {
    const all = L.featureGroup([...shown.values()]);
    const bounds = shown.size ? all.getBounds() : null;
    if (bounds && bounds.isValid()) map.fitBounds(bounds.pad(0.1), { maxZoom: 18, animate: false });
  }

  function sketching(map) {
    const area = document.querySelector("[data-map-points]");
    if (!area) return;
    const kind = document.querySelector("[data-map-kind]");
    const undo = document.querySelector("[data-map-undo]");
    const sketch = L.layerGroup().addTo(map);
    const redraw = () => {
      const points = read(area.value);
      sketch.clearLayers();
      if (undo) undo.hidden = !points.length;
      if (!points.length) return;
      const line = points.length < 3 || (kind && kind.value === "ROUTE");
      (line ? L.polyline : L.polygon)(points, { className: "map-sketch", interactive: false }).addTo(sketch);
      for (const p of points) L.circleMarker(p, { radius: 5, className: "map-sketch", interactive: false }).addTo(sketch);
    };
    map.on("click", (e) => {
      const line = `${round(e.latlng.lat)}, ${round(e.latlng.wrap().lng)}`;
      if (area.tagName === "INPUT") {
        area.value = line;
        redraw();
        return;
      }
      const single = kind && ["STAGE", "PLACE"].includes(kind.value) && !area.value.trim();
      area.value = single || !area.value.trim() ? line : `${area.value.trimEnd()}\n${line}`;
      redraw();
    });
    area.addEventListener("input", redraw);
    if (kind) kind.addEventListener("change", redraw);
    if (undo) undo.addEventListener("click", () => {
      area.value = area.value.trimEnd().split("\n").slice(0, -1).join("\n");
      redraw();
    });
    redraw();
  }

  function show(map, element, shown, id) {
    const layer = shown.get(id);
    if (!layer) return;
    map.fitBounds(layer.getBounds().pad(0.5), { maxZoom: 19, animate: false });
    element.tocsinShown?.remove();
    const words = document.createElement("span");
    words.textContent = layer.tocsinLabel;
    element.tocsinShown = L.tooltip({ permanent: true, direction: "top" })
      .setLatLng(layer.getBounds().getCenter()).setContent(words).addTo(map);
  }

  async function start(element) {
    const map = L.map(element, { attributionControl: true, zoomAnimation: false, fadeAnimation: false, maxZoom: 22, worldCopyJump: true });
    map.attributionControl.setPrefix("Leaflet");
    map.setView([38.8895, -77.0353], 3);
    if (element.dataset.tiles === "raster") {
      L.tileLayer("/tiles/{z}/{x}/{y}", { maxZoom: 22, maxNativeZoom: 16 }).addTo(map);
    } else {
      new Grid({ maxZoom: 22 }).addTo(map);
    }
    L.control.scale({ imperial: true }).addTo(map);
    element.tocsinMap = map;
    const shown = new Map();
    await fill(map, element, shown);
    see(map, shown);
    sketching(map);
    element.dispatchEvent(new CustomEvent("tocsin:map", { detail: map, bubbles: true }));
    element.dataset.ready = "true";
    if (location.hash.length > 1) show(map, element, shown, location.hash.slice(1));
    document.addEventListener("click", (e) => {
      const button = e.target.closest("[data-map-show]");
      if (!button) return;
      element.scrollIntoView({ block: "nearest" });
      show(map, element, shown, button.dataset.mapShow);
    });
    element.addEventListener("tocsin:ground", () => fill(map, element, shown));
  }

  for (const element of document.querySelectorAll("[data-map]")) start(element);
})();
