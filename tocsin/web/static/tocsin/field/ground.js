/* Where: the plan's ground as a small map that needs no tiles and no line, directions, and places by name. */
import { s } from "./draw.js";

const E7 = 1e7;
const METRES = 111195.08;
export const WINDS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

const flat = (from, p) => [
  ((p.lon - from.lon) / E7) * METRES * Math.cos((from.lat / E7) * (Math.PI / 180)), ((p.lat - from.lat) / E7) * METRES,
];
export const metres = (a, b) => Math.hypot(...flat(a, b));
export const bearing = (a, b) => { const [e, n] = flat(a, b); return (Math.atan2(e, n) * 180) / Math.PI + (e < 0 ? 360 : 0); };

const middle = (shape) => ({
  lat: Math.round(shape.reduce((t, p) => t + p[0], 0) / shape.length), lon: Math.round(shape.reduce((t, p) => t + p[1], 0) / shape.length),
});

/** Everything with a name and a place, nearest to `from` first. */
export function places(ground, from) {
  if (!ground) return [];
  const found = [
    ...ground.positions.map((p) => ({ ...p, position: p.id })),
    ...ground.areas.filter((a) => a.shape.length).map((a) => ({ ...middle(a.shape), label: a.label, area: a.id })),
    ...ground.posts.map((p) => ({ ...p, post: p.id })),
  ];
  if (from) found.sort((a, b) => metres(from, a) - metres(from, b));
  return found;
}

/** The middle of what is protected: twelve o'clock is towards it. */
export function stage(ground) {
  const found = ground?.areas.find((a) => a.kind === "STAGE" && a.shape.length);
  return found ? middle(found.shape) : null;
}

/** The map, drawn to fit. `pick({lat, lon, label?})` when it is touched. Null where the plan has no ground. */
export function map(ground, { me, marks = [], pick }) {
  const corners = [...(ground?.areas || []).flatMap((a) => a.shape.map(([lat, lon]) => ({ lat, lon }))), ...places(ground), ...marks, ...(me ? [me] : [])];
  if (corners.length < 2) return null;
  const from = corners[0];
  const at = corners.map((p) => flat(from, p));
  const [west, east] = [Math.min(...at.map((p) => p[0])), Math.max(...at.map((p) => p[0]))];
  const [south, north] = [Math.min(...at.map((p) => p[1])), Math.max(...at.map((p) => p[1]))];
  const size = Math.max(east - west, north - south, 40) * 1.16;
  const left = (west + east) / 2 - size / 2;
  const top = (south + north) / 2 + size / 2;
  const place = (p) => { const [e, n] = flat(from, p); return [((e - left) / size) * 100, ((top - n) / size) * 100]; };
  const drawn = s("svg", { class: "fld-map", viewBox: "0 0 100 100", role: "img", "aria-label": "Map of the ground; the same places stand in the list below" });
  for (const a of ground.areas.filter((area) => area.shape.length)) {
    const points = a.shape.map(([lat, lon]) => place({ lat, lon }).map((v) => v.toFixed(2)).join(",")).join(" ");
    if (a.shape.length > 1) drawn.append(s(a.closed ? "polygon" : "polyline", { points, class: `fld-area fld-${a.kind.toLowerCase()}` }));
    else { const [x, y] = place(middle(a.shape)); drawn.append(s("circle", { cx: x, cy: y, r: 1.6, class: `fld-area fld-${a.kind.toLowerCase()}` })); }
    const [x, y] = place(middle(a.shape));
    label(drawn, [x, a.shape.length > 1 ? y + 1.2 : y + 5], a.label);
  }
  for (const p of ground.posts) { const [x, y] = place(p); drawn.append(s("rect", { x: x - 1.2, y: y - 1.2, width: 2.4, height: 2.4, class: "fld-at-post" })); if (!me || metres(me, p) > 1) label(drawn, [x, y + 5], p.label); }
  for (const p of marks) { const [x, y] = place(p); drawn.append(s("path", { d: `M${x} ${y - 2.6}l2.4 4.2h-4.8z`, class: "fld-at-seen" })); }
  if (me) { const [x, y] = place(me); drawn.append(s("circle", { cx: x, cy: y, r: 1.8, class: "fld-at-me" })); label(drawn, [x, y + 5], "you"); }
  if (pick) {
    drawn.addEventListener("click", (event) => {
      const box = drawn.getBoundingClientRect();
      const e = left + ((event.clientX - box.left) / box.width) * size;
      const n = top - ((event.clientY - box.top) / box.height) * size;
      const lat = from.lat + (n / METRES) * E7;
      pick({ lat: Math.round(lat), lon: Math.round(from.lon + (e / METRES / Math.cos((from.lat / E7) * (Math.PI / 180))) * E7) });
    });
  }
  return drawn;
}

function label(drawn, [x, y], words) {
  drawn.append(s("text", { x, y, class: "fld-label" }, words));
}

/** The nearest place with a name within 60 m, for what a touched point is called. */
export function called(ground, point) {
  const near = places(ground, point)[0];
  return near && metres(point, near) < 60 ? near.label : "";
}
