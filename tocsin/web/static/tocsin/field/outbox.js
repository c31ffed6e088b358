/* What is to be sent. It is encrypted and kept before anything is sent, goes out in the order it was made, and leaves
   only when the server has answered: a cut at any moment loses nothing, and what is sent twice counts once. */
import { add, all, drop, sealed, sealedJson, unsealed, unsealedJson } from "./keep.js";
import { call, Refused, stamp } from "./link.js";

const BATCH = 20;
const BROKEN = 5; // times an act may break the server before it is set aside, where it is shown
let tell = () => {};
let breaks = 0;

export const onChange = (hear) => { tell = hear; };

/** An id of its own for each act. */
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** Keep an act; resolves with its key once it is durable on the phone. */
export async function post(kind, act = {}) {
  const key = fresh();
  await add("out", await sealedJson({ ...act, kind, key, at: stamp() }));
  tell();
  return key;
}

/** Keep a photo (a JPEG) of a sighting, or of what the act `of` reported. */
export async function postPhoto(bytes, { sighting = "", of = "" }) {
  const key = fresh();
  const about = await sealedJson({ key, sighting, of, at: stamp() });
  await add("photos", { about, image: await sealed(bytes) });
  tell();
  return key;
}

/** Acts that wait, oldest first, opened. */
export async function waiting() {
  const rows = await all("out");
  return Promise.all(rows.map(async ([seq, row]) => ({ seq, ...(await unsealedJson(row)) })));
}

export const photosWaiting = async () => (await all("photos")).length;

export async function refused() {
  const rows = await all("refused");
  return Promise.all(rows.map(async ([seq, row]) => ({ seq, ...(await unsealedJson(row)) })));
}

export const dismiss = (seq) => drop("refused", seq);

/** Send what waits. One at a time in the whole browser, so that two pages of the app keep one order.
    `here` = where the phone is, or null. Throws when there is no line. */
export function flush(here) {
  return navigator.locks.request("tocsin-outbox", async () => {
    await sendActs(here);
    while (await sendPhoto()) await sendActs(null); // a photo never holds up what was done since
  });
}

async function sendActs(here) {
  for (;;) {
    const rows = (await waiting()).slice(0, breaks ? 1 : BATCH);
    if (!rows.length && !here) return;
    const acts = rows.map(({ seq, ...one }) => one);
    let said;
    try {
      said = await call("/field/acts", { method: "POST", body: JSON.stringify({ acts, here }) }, 12000);
      breaks = 0;
    } catch (error) {
      if (!(error instanceof Refused) || error.status < 500 || !rows.length) throw error;
      breaks += 1;
      if (breaks < BROKEN || rows.length > 1) throw error;
      said = { done: [{ key: rows[0].key, ok: false, message: "it broke the server each time", cure: "Say it by radio." }] };
      breaks = 0;
    }
    here = null;
    for (const one of said.done) await settle(rows.find((r) => r.key === one.key), one);
    if (!rows.length) return;
    if (said.done.length < rows.length) throw new Error("not all was answered");
    tell();
  }
}

async function settle(row, one) {
  if (!row) return;
  if (!one.ok) await add("refused", await sealedJson({ ...row, why: `${one.message || ""}. ${one.cure || ""}` }));
  await drop("out", row.seq);
}

/** Send the oldest photo; whether there was one. What it is a photo of went out before it. */
async function sendPhoto() {
  for (const [seq, row] of await all("photos")) {
    const about = await unsealedJson(row.about);
    const asked = new URLSearchParams(about);
    try {
      const body = await unsealed(row.image);
      await call(`/field/photos?${asked}`, { method: "POST", body, headers: { "Content-Type": "image/jpeg" } }, 60000);
    } catch (error) {
      if (!(error instanceof Refused) || error.status >= 500 || error.status === 401) throw error;
      await add("refused", await sealedJson({ kind: "photo", key: about.key, why: `${error.said.message}. ${error.said.cure}` }));
    }
    await drop("photos", seq);
    tell();
    return true;
  }
  return false;
}
