/* What the phone keeps: its keys, which cannot leave it, and everything else encrypted with one of them.
   Stores: own (keys, who we are), out (the outbox, in order), photos, cache (what was last shown), refused. */
const NAME = "tocsin-field";
const STORES = ["own", "out", "photos", "cache", "refused"];
const text = new TextEncoder();
const untext = new TextDecoder();
let opened = null;
let made = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const name of STORES) {
        asked.result.createObjectStore(name, ["out", "photos", "refused"].includes(name) ? { autoIncrement: true } : undefined);
      }
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

/** Run one request on a store; resolves when the transaction is durable, so that "kept" means kept. */
async function run(name, mode, ask) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const work = db.transaction(name, mode, { durability: "strict" });
    const request = ask(work.objectStore(name));
    work.oncomplete = () => resolve(request?.result);
    work.onerror = work.onabort = () => reject(work.error || new Error("not kept"));
  });
}

export const get = (name, key) => run(name, "readonly", (s) => s.get(key));
export const put = (name, value, key) => run(name, "readwrite", (s) => s.put(value, key));
export const add = (name, value) => run(name, "readwrite", (s) => s.add(value));
export const drop = (name, key) => run(name, "readwrite", (s) => s.delete(key));

/** All rows of a store in order of key: [[key, value], …]. */
export async function all(name) {
  const [keys, values] = await Promise.all([
    run(name, "readonly", (s) => s.getAllKeys()), run(name, "readonly", (s) => s.getAll()),
  ]);
  return values.map((value, i) => [keys[i], value]);
}

/** Forget everything: the keys too, so that what was kept can never be read again. */
export async function forget() {
  made = null;
  for (const name of STORES) await run(name, "readwrite", (s) => s.clear());
}

/** The phone's keys, made once: one signs as this device, one encrypts what is kept. Neither can be taken out. */
export function keys() {
  made ??= make();
  return made;
}

async function make() {
  const had = await get("own", "keys");
  if (had) return had;
  const sign = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const seal = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const pair = { sign, seal };
  await put("own", pair, "keys");
  return pair;
}

export async function sealed(bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const { seal } = await keys();
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, seal, bytes) };
}

export async function unsealed({ iv, data }) {
  const { seal } = await keys();
  return crypto.subtle.decrypt({ name: "AES-GCM", iv }, seal, data);
}

export const sealedJson = (value) => sealed(text.encode(JSON.stringify(value)));
export const unsealedJson = async (row) => JSON.parse(untext.decode(await unsealed(row)));

export const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export async function signature(words) {
  const { sign } = await keys();
  return base64url(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, sign.privateKey, text.encode(words)));
}

export async function publicKey() {
  const { sign } = await keys();
  return base64url(await crypto.subtle.exportKey("raw", sign.publicKey));
}
