/* Drawing: elements from plain calls. Text is always text: nothing from the server is ever markup. */
const SVG = "http://www.w3.org/2000/svg";

export function h(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  fill(made, given, inside);
  return made;
}

export function s(tag, given = {}, ...inside) {
  const made = document.createElementNS(SVG, tag);
  fill(made, given, inside);
  return made;
}

function fill(made, given, inside) {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat(3).filter((part) => part !== null && part !== undefined && part !== false));
}

export const button = (words, press, given = {}) => h("button", { type: "button", class: "button button-thumb", onclick: press, ...given }, words);

const two = (n) => String(n).padStart(2, "0");
export function clock(at) {
  const d = new Date(at);
  return `${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** How long ago, in the fewest words. */
export function ago(at, now) {
  const s = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min ago`;
  return `${Math.floor(s / 86400)} days ago`;
}

/** The fuse: a bar that burns down from `since` to `due`, and the words beside it. */
export function fuse(since, due, now, words) {
  const whole = Date.parse(due) - Date.parse(since);
  const left = Date.parse(due) - now;
  const share = Math.max(0, Math.min(1, whole > 0 ? left / whole : 0));
  const tone = left <= 0 ? "out" : share < 0.25 ? "last" : "";
  const minutes = Math.ceil(Math.abs(left) / 60000);
  const said = left <= 0 ? `${words}: ${minutes} min late` : `${words}: ${minutes > 90 ? `${Math.round(minutes / 60)} h` : `${minutes} min`} left`;
  return h("div", { class: "fuse", "data-tone": tone },
    h("span", { class: "fuse-words" }, said), h("span", { class: "fuse-due" }, clock(due)),
    s("svg", { class: "fuse-line", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "fuse-track", x: 0, y: 3, width: 100, height: 2 }),
      s("rect", { class: "fuse-left", x: 0, y: 1, width: share * 100, height: 6 })));
}
