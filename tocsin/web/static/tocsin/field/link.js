/* The line to the server: who we are, what time it is there, one call at a time, and the feed. */
import { forget, get, keys, publicKey, put, signature } from "./keep.js";

let own = null; // { id, expires_at }
let offset = 0; // ms that the server's clock is ahead of ours
let token = { at: 0, words: "" };
const SIGNED_FOR = 4 * 60 * 1000;

export class Refused extends Error {
  constructor(status, said) {
    super(said.message || "refused");
    this.status = status;
    this.said = said;
  }
}

export const now = () => Date.now() + offset;
export const stamp = (at = now()) => new Date(at).toISOString();
export const device = () => own;

export async function wake() {
  own = (await get("own", "device")) || null;
  offset = (await get("own", "offset")) || 0;
  return own;
}

/** Join by the code that was scanned. Throws Refused. */
export async function join(code) {
  await keys();
  const key = await publicKey();
  const proof = await signature(`tocsin-join\n${code}\n${key}`);
  const said = await send("/field/join", { method: "POST", body: JSON.stringify({ code, key, proof }) }, 15000);
  own = { id: said.device, expires_at: said.expires_at };
  token = { at: 0, words: "" };
  await put("own", own, "device");
  return own;
}

export async function leave() {
  own = null;
  await forget();
}

async function signed() {
  if (!own) throw new Refused(401, { code: "not_joined", message: "this phone has not joined" });
  if (Math.abs(now() - token.at) > SIGNED_FOR) {
    const at = now();
    const seconds = Math.floor(at / 1000);
    token = { at, words: `${own.id}.${seconds}.${await signature(`tocsin-device\n${own.id}\n${seconds}`)}` };
  }
  return token.words;
}

/** Call an address as this device. Throws Refused for an answer that refuses, TypeError and the like for no line. */
export async function call(path, init = {}, wait = 8000) {
  for (let again = 0; ; again += 1) {
    const headers = { "Content-Type": "application/json", ...init.headers, Authorization: `Device ${await signed()}` };
    try {
      return await send(path, { ...init, headers }, wait);
    } catch (error) {
      // Our clock was wrong: the refusal said what time it is, so sign once more by that.
      if (!(error instanceof Refused) || error.said.code !== "wrong_time" || again) throw error;
      token = { at: 0, words: "" };
    }
  }
}

async function send(path, init, wait) {
  const before = Date.now();
  const answer = await fetch(path, { cache: "no-store", credentials: "omit", ...init, signal: AbortSignal.timeout(wait) });
  if (answer.headers.get("content-type")?.startsWith("image/")) return answer.blob();
  let said;
  try { said = await answer.json(); } catch { throw new Refused(answer.status >= 400 ? answer.status : 502, {}); }
  if (said.now) await reckon(said.now, before);
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

async function reckon(said, before) {
  const middle = (before + Date.now()) / 2;
  const found = Math.round(Date.parse(said) - middle);
  // A second or so is the road, not the clock: what was reckoned first stays.
  if (Math.abs(found - offset) < 1500) return;
  offset = found;
  await put("own", offset, "offset");
}

/** Follow the feed until it ends: `hear(event, data)` for each message. Throws when there is none. */
export async function follow(hear, place, stop) {
  const headers = { Authorization: `Device ${await signed()}`, Accept: "text/event-stream" };
  if (place) headers["Last-Event-ID"] = place;
  const answer = await fetch("/field/feed", { headers, cache: "no-store", credentials: "omit", signal: stop });
  if (!answer.ok || !answer.headers.get("content-type")?.startsWith("text/event-stream")) throw new Refused(answer.status, {});
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await Promise.race([reader.read(), quiet(45000)]);
    if (done) return;
    rest += value;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) hear(...parsed(block));
  }
}

/** A line that says nothing for too long is cut, whatever the browser thinks. */
const quiet = (wait) => new Promise((_, reject) => { setTimeout(() => reject(new Error("quiet")), wait); });

function parsed(block) {
  const found = { event: "message", data: "", id: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = line.match(/^(\w*):? ?(.*)$/) || [];
    if (name === "data") found.data += value;
    else if (name) found[name] = value;
  }
  return [found.event, found.data, found.id];
}
