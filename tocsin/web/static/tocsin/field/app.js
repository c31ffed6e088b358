/* The field app: what I must answer on top, three buttons for a thumb at the bottom, a bar when the line is lost. */
import { WHAT, WORSE } from "./acts.js";
import { ago, button, clock, fuse, h } from "./draw.js";
import { WINDS, bearing, called, map, metres, places, stage } from "./ground.js";
import { drop, get, put, sealedJson, unsealedJson } from "./keep.js";
import { Refused, call, device, follow, join, leave, now, stamp, wake } from "./link.js";
import { dismiss, flush, onChange, photosWaiting, post, postPhoto, refused, waiting } from "./outbox.js";
import { smaller } from "./photo.js";

const main = document.getElementById("main");
const bar = document.getElementById("line");
const thumbs = document.getElementById("thumbs");
const POLL = 15000; // without the feed
const NET = 60000; // with it: the net under it

let state = null; // as the server said it
let seenAt = 0; // when what is shown was true, by the server's clock
let lineSince = 0; // when the line was lost; 0 = it holds
let pending = []; // acts that wait
let photos = 0;
let set_aside = [];
let fix = null; // { lat, lon, accuracy_m, at }
let over = null; // why this phone may no longer act
let choice = null; // what is being reported
let said = ""; // the last thing done, for the eye and for a screen reader
let retry = 0;
let timer = 0;
let feedUp = false;
let place = "";
const pictures = new Map(); // hash -> object URL

/* ---------- what is known ---------- */
async function load() {
  const kept = await get("cache", "state");
  if (!kept) return;
  try {
    const { at, shown } = await unsealedJson(kept);
    [state, seenAt] = [shown, at];
  } catch { await drop("cache", "state"); }
}

async function refresh() {
  const asked = state?.ground_version ? `?ground=${state.ground_version}` : "";
  const found = await call(`/field/state${asked}`);
  if (!found.ground) found.ground = state?.ground || null;
  [state, seenAt] = [found, now()];
  receipts(state.sightings);
  await put("cache", await sealedJson({ at: seenAt, shown: state }), "state");
}

async function count() {
  [pending, photos, set_aside] = await Promise.all([waiting(), photosWaiting(), refused()]);
}

/* ---------- the line ---------- */
let working = null;
let again = false;
function sync() {
  again = true;
  working ??= (async () => {
    try {
      while (again) {
        again = false;
        await flush(here());
        await refresh();
      }
      [lineSince, retry] = [0, 0];
    } catch (error) {
      lost(error);
    } finally {
      working = null;
      await count();
      draw();
      clearTimeout(timer);
      const wait = lineSince ? Math.min(15000, 1000 * 2 ** retry) : feedUp ? NET : POLL;
      timer = setTimeout(sync, wait * (0.75 + Math.random() / 2)); // a thousand phones must not come as one
    }
  })();
  return working;
}

function lost(error) {
  if (error instanceof Refused && error.status === 401) {
    over = error.said;
    if (["revoked", "gone"].includes(error.said.code)) leave();
    return;
  }
  lineSince ||= now();
  retry = Math.min(retry + 1, 5);
}

/** The feed pushes; the poll is the net under it. */
async function listen() {
  for (let tries = 0; !over; tries += 1) {
    try {
      await follow((event, data, id) => { feedUp = true; tries = 0; if (id) place = id; hear(event, data); }, place);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) await sync(); // which hears the reason
    }
    if (feedUp) setTimeout(sync, Math.random() * 1000); // whether the line is cut, is known at once
    feedUp = false;
    await new Promise((done) => { setTimeout(done, Math.min(15000, 500 * 2 ** tries) * (0.5 + Math.random())); });
  }
}

function hear(event, data) {
  if (event === "sighting") heardOf(JSON.parse(data));
  else if (event === "question" && concerns(JSON.parse(data))) sync();
  else if (event === "hold" && state?.decides) sync();
}

/** A question is for those around, and for whoever asked it: the others do not all fetch at once. */
const concerns = (q) => q.asked.includes(state?.me.person) || state?.questions.some((x) => x.id === q.id);

/** A sighting came by itself: shown at once, and the newest version wins, however often it comes. */
function heardOf(row) {
  if (!state || row.operation !== state.operation.id) return;
  const had = state.sightings.find((x) => x.id === row.id);
  if (had && had.version >= row.version) return;
  seenAt = now();
  const rest = state.sightings.filter((x) => x.id !== row.id);
  if (row.state !== "RESOLVED") rest.unshift({ told: true, had: 0, ...(had && { told: had.told, had: had.had }), ...row });
  state.sightings = rest.sort((a, b) => b.severity - a.severity);
  receipts([{ ...row, told: true }]);
  if (navigator.vibrate && mustAnswer(row)) navigator.vibrate([200, 100, 200]);
  draw();
  sealedJson({ at: seenAt, shown: state }).then((kept) => put("cache", kept, "state"));
}

/** Say that sightings came, or were open before somebody's eyes: once for each version. */
const receipted = new Set();
function receipts(rows) {
  const how = document.visibilityState === "visible" ? "opened" : "delivered";
  const fresh = rows.filter((x) => x.told && !receipted.has(`${x.id}.${x.version}.${how}`)).slice(0, 200);
  if (!fresh.length) return;
  for (const x of fresh) receipted.add(`${x.id}.${x.version}.${how}`);
  const body = JSON.stringify({ receipts: fresh.map((x) => ({ sighting: x.id, version: x.version, said: how, at: stamp() })) });
  call("/field/receipts", { method: "POST", body }).catch(() => {
    for (const x of fresh) receipted.delete(`${x.id}.${x.version}.${how}`); // with the next refresh
  });
}

/* ---------- where I am ---------- */
/** The post I stand at: what I report comes from there. */
const myPost = () => state?.posts.find((p) => p.id.startsWith("post_"))?.id || "";
function here() {
  if (fresh()) return { ...fix, at: stamp(fix.at), post: myPost(), battery };
  if (battery === null || (battery >= BACK && !saidLow)) return null; // nothing to say: no call for it
  saidLow = battery < BACK;
  return { post: myPost(), battery };
}
const LOW = 15; // percent: below it somebody else is told, as by the server
const BACK = 20; // from here on it is over
let saidLow = false;
let battery = null; // where the browser says
navigator.getBattery?.().then((b) => {
  const read = () => {
    const before = battery;
    battery = Math.round(b.level * 100);
    if (device() && before !== null && (before < LOW) !== (battery < LOW)) sync();
  };
  b.addEventListener("levelchange", read);
  read();
});
let told = null; // the place last told
function watch() {
  navigator.geolocation?.watchPosition((p) => {
    const c = p.coords;
    fix = { lat: Math.round(c.latitude * 1e7), lon: Math.round(c.longitude * 1e7), accuracy_m: Math.round(c.accuracy), at: now() };
    if (!told || (metres(told, fix) > 15 && fix.at - told.at > 10000)) {
      told = fix;
      flush(here()).catch(() => { /* the next sync says so */ });
    }
  }, () => {}, { enableHighAccuracy: true, maximumAge: 10000 });
}
const fresh = () => (fix && now() - fix.at < 120000 ? fix : null);
const standing = () => state?.posts.find((p) => p.lat !== null) || null;
const me = () => fresh() || standing();

/* ---------- acts ---------- */
async function act(kind, given, words) {
  const key = await post(kind, given);
  said = words;
  await count();
  sync();
  return key;
}

const queued = (kind, field, id) => pending.some((p) => p.kind === kind && p[field] === id);
const mustAnswer = (x) => x.told && x.had < x.must_version
  && !pending.some((p) => p.kind === "ack" && p.sighting === x.id && p.version >= x.must_version);

async function report(where) {
  const [words, what, aggravators] = choice.what;
  const key = await act("sighting", { text: words, what, aggravators, post: myPost(), ...where }, `Reported: ${words}`);
  choice = { ...choice, key, where };
  go("sent");
}

async function ask(where) {
  const at = where.place || "the place marked on the map";
  await act("ask", { text: `Who is at ${at}? Is it ours?`, post: myPost(), ...where }, `Asked: who is at ${at}?`);
  go("");
}

/* ---------- pages ---------- */
const go = (to) => { if (location.hash.slice(1) === to) draw(); else location.hash = to; };
const back = () => h("p", {}, h("a", { class: "fld-back", href: "#" }, "‹ Back"));
const head = (words) => h("h1", { tabindex: "-1" }, words);

function home() {
  const asked = state.questions.filter((q) => q.to_me && !queued("answer", "question", q.id));
  const holds = state.holds.filter((x) => !queued("decide", "hold", x.id));
  const owed = state.sightings.filter(mustAnswer);
  return [
    h("h1", { class: "unseen", tabindex: "-1" }, "Field"),
    said && h("p", { class: "fld-said", role: "status" }, said),
    set_aside.map((r) => h("div", { class: "fld-card fld-aside", role: "alert" }, h("p", {}, h("strong", {}, "Not accepted. "), `${r.text || r.kind}: ${r.why}`),
      h("button", { type: "button", class: "button", onclick: async () => { await dismiss(r.seq); await count(); draw(); } }, "I have seen this"))),
    (holds.length + asked.length + owed.length > 0) && h("section", { "aria-label": "You must answer" }, h("h2", {}, "You must answer"),
      holds.map(holdCard), asked.map(questionCard), owed.map(owedCard)),
    battery !== null && battery < LOW && h("p", { class: "fld-said", role: "status" }, h("span", { class: "pill", "data-tone": "warn" }, "battery low"), ` ${battery} %. Your agency is told, so that somebody brings you another.`),
    h("section", { "aria-label": "My post" }, h("h2", {}, "My post"), state.posts.length ? state.posts.map(postCard)
      : h("p", { class: "quiet" }, "No post is assigned to you now. You can still report and ask.")),
    answers(),
    h("section", {}, h("h2", {}, "Seen"), state.sightings.length
      ? h("ul", { class: "fld-list" }, state.sightings.map((x) => h("li", {}, h("a", { href: `#${x.id}`, class: "fld-row" }, title(x), facts(x)))))
      : h("p", { class: "quiet" }, "Nothing is open. What anybody reports stands here.")),
    h("details", {}, h("summary", {}, "This phone"), h("p", { class: "quiet" }, `${state.me.name}, ${state.me.agency}. ${state.operation.name}. Good until ${new Date(state.device.expires_at).toLocaleString()}.`),
      h("button", { type: "button", class: "button", "data-theme-toggle": true }, "Day or night colours"),
      h("button", { type: "button", class: "button button-grave", onclick: depart }, pending.length + photos ? "Forget all on this phone, also what has not gone out" : "Forget all on this phone")),
  ];
}

const title = (x) => h("span", { class: "fld-title" }, h("span", { class: "badge fld-grave", "data-severity": x.severity }, `${"▲".repeat(x.severity)} ${x.words[0]}`), ` ${x.number}. ${x.what || x.words.slice(1).join(", ")}`);
const facts = (x) => h("span", { class: "quiet fld-facts" }, [x.words.slice(1).join(", "), x.place, x.state === "TRACK_LOST" ? `track lost ${ago(x.last_seen_at, now())}` : `seen ${ago(x.last_seen_at, now())}`].filter(Boolean).join(" · "));

function owedCard(x) {
  return h("div", { class: "fld-card", "data-severity": x.severity }, h("a", { href: `#${x.id}`, class: "fld-row" }, title(x), facts(x)),
    button("Acknowledge", () => act("ack", { sighting: x.id, version: x.version }, "Acknowledged."), { class: "button button-main button-thumb" }));
}

function questionCard(q) {
  const answer = (whose) => () => act("answer", { question: q.id, whose }, "Answered.");
  return h("div", { class: "fld-card" }, h("p", { class: "fld-title" }, q.words), h("p", { class: "quiet" }, `asked ${ago(q.asked_at, now())}`),
    h("div", { class: "fld-pair" }, button("Ours", answer("OURS")), button("Not ours", answer("NOT_OURS"))), button("Cannot tell from here", answer("UNKNOWN")));
}

function holdCard(x) {
  const reason = h("input", { id: `why-${x.id}`, maxlength: 200 });
  const decide = (decision, words) => () => act("decide", { hold: x.id, decision, version: state.sightings.find((y) => y.id === x.sighting)?.version || 0, reason: reason.value.trim() || `${words}, decided from the field app` }, `Decided: ${words}.`);
  const about = state.sightings.find((y) => y.id === x.sighting);
  return h("div", { class: "fld-card", "data-severity": 5 }, h("p", { class: "fld-title" }, "Hold, go on, or move the protected person?"), about && h("p", {}, title(about)), h("p", { class: "quiet" }, x.why),
    h("label", { for: `why-${x.id}`, class: "label" }, "Reason"), reason,
    h("div", { class: "fld-pair" }, button("Hold", decide("HOLD", "hold"), { class: "button button-main button-thumb" }), button("Move", decide("MOVE", "move"))), button("Go on", decide("GO", "go on")));
}

function postCard(p, n) {
  const going = pending.filter((a) => a.post === p.id && ["check_in", "vacate"].includes(a.kind)).pop();
  const there = going ? going.kind === "check_in" : p.checked_in_at && !p.left;
  const since = going?.kind === "check_in" ? going.at : p.checked_in_at;
  const due = going?.kind === "check_in" ? new Date(Date.parse(going.at) + (p.every_s || 1800) * 1000).toISOString() : p.due_at;
  const reason = h("input", { id: `leave-${p.id}`, maxlength: 200 });
  return h("div", { class: "fld-card" }, h("p", { class: "fld-title" }, p.label, p.floor && h("span", { class: "quiet" }, ` ${p.floor}`)),
    h("p", { class: "quiet" }, [p.from_at ? `${clock(p.from_at)} to ${clock(p.until_at)}` : "you are named for this position", there && `here since ${clock(since)}`].filter(Boolean).join(" · ")),
    there ? fuse(since, due, now(), "Say again that you are here") : h("p", {}, h("span", { class: "pill", "data-tone": "warn" }, p.left ? "you said that you left" : "not checked in yet")),
    n > 0 && button(`I'm here, at ${p.label}`, () => act("check_in", { post: p.id }, `You are at ${p.label}.`)),
    there && p.from_at && h("details", {}, h("summary", {}, "I must leave this post"), h("label", { for: `leave-${p.id}`, class: "label" }, "Why"), reason,
      button("Leave: somebody else must cover it", () => act("vacate", { post: p.id, reason: reason.value.trim() }, "You left the post. Others know."), { class: "button button-grave button-thumb" })));
}

function answers() {
  const mine = [...pending.filter((p) => p.kind === "ask").map((p) => ({ words: p.text, register: ["Waits for a line."], answers: [], asked_at: p.at })), ...state.questions.filter((q) => q.mine)];
  if (!mine.length) return null;
  return h("section", {}, h("h2", {}, "You asked"), mine.slice(0, 3).map((q) => h("div", { class: "fld-card" }, h("p", { class: "fld-title" }, q.words),
    h("ul", { class: "fld-lines" }, q.register.map((line) => h("li", {}, line)), q.answers.map((a) => h("li", {}, h("strong", {}, a.whose), a.words && `: ${a.words}`))),
    h("p", { class: "quiet" }, `${{ OPEN: "others around are asked", UNANSWERED: "nobody around has answered", ANSWERED: "answered" }[q.state] || ""} ${ago(q.asked_at, now())}`))));
}

function what() {
  return [back(), head("What do you see?"), h("div", { class: "fld-grid" }, WHAT.map((w) => button(w[0], () => { choice = { what: w }; go("where"); })))];
}

function where(send, title_) {
  const from = me();
  const post_ = standing();
  const origin = fresh() ? "from where I stand" : post_ ? `from ${post_.label}` : "";
  const twelve = from && stage(state.ground);
  const here_ = fresh() ? { lat: fix.lat, lon: fix.lon, place: called(state.ground, fix) || "where the reporter stands" }
    : post_ ? { lat: post_.lat, lon: post_.lon, place: post_.label } : state.posts[0] ? { place: state.posts[0].label } : null;
  const towards = (degrees, words) => () => send({ bearing: Math.round(degrees) % 360, place: `${words} ${post_ ? `of ${post_.label}` : "of the reporter"}`.slice(0, 80) });
  const drawn = map(state.ground, { me: from, marks: state.sightings.filter((x) => x.lat !== null), pick: (p) => send({ ...p, place: called(state.ground, p) }) });
  const named = places(state.ground, from);
  return [back(), head(title_),
    here_ && button(fresh() ? `Here (±${fix.accuracy_m} m)` : `Here, at ${here_.place}`, () => send(here_)),
    named.length > 0 && h("section", {}, h("h2", {}, "A place"), h("div", { class: "fld-grid" }, named.slice(0, 12).map((p) => h("button", { type: "button", class: "button fld-place", onclick: () => send({ lat: p.lat, lon: p.lon, place: p.label, area: p.area || "", position: p.position || "" }) },
      h("span", {}, p.label), from && h("span", { class: "quiet" }, ` ${Math.round(metres(from, p))} m`))))),
    drawn && h("section", {}, h("h2", {}, "Touch the map"), drawn),
    h("section", {}, h("h2", {}, `Direction ${origin}`), h("div", { class: "fld-winds" }, WINDS.map((w, i) => h("button", { type: "button", class: `button fld-wind fld-wind-${w.toLowerCase()}`, onclick: towards(i * 45, w) }, w))),
      twelve && h("details", {}, h("summary", {}, "By the clock: twelve is towards the stage"), h("div", { class: "fld-clock" }, Array.from({ length: 12 }, (_, i) => i + 1).map((hour) =>
        h("button", { type: "button", class: "button", onclick: towards(bearing(from, twelve) + (hour % 12) * 30, `${hour} o'clock`) }, `${hour}`))))),
    h("details", {}, h("summary", {}, "Say it in words, or I do not know"), wordsFor(send)),
  ];
}

function wordsFor(send) {
  const input = h("input", { id: "place", maxlength: 80 });
  return [h("label", { for: "place", class: "label" }, "Where"), input, button("Send", () => send(input.value.trim() ? { place: input.value.trim() } : {}))];
}

function sent() {
  const waits = pending.some((p) => p.key === choice.key);
  return [head(waits ? "Kept on this phone" : "Sent"),
    h("p", { role: "status" }, waits ? "There is no line yet. It goes out by itself, in order, as soon as there is one. If it is urgent, say it by radio." : "Everybody who must know is being told."),
    h("p", { class: "fld-title" }, `${choice.what[0]}${choice.where?.place ? `, ${choice.where.place}` : ""}`),
    more({ of: choice.key }, choice.what[2]),
    button("Sent by mistake", () => act("over", { of: choice.key, reason: "Sent by mistake, says the reporter" }, "Taken back; it stays on the record.").then(() => go("")), { class: "button button-plain button-thumb" }),
    button("Done", () => { choice = null; go(""); }, { class: "button button-main button-thumb" })];
}

/** What can be added to a sighting: a photo, what makes it worse, words. `target` names it, or the act that will be it. */
function more(target, have) {
  const words = h("textarea", { id: "words", maxlength: 500, rows: 2 });
  const camera = h("input", { type: "file", id: "photo", accept: "image/*", capture: "environment", class: "unseen", onchange: async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try { await postPhoto(await smaller(file), target); said = "The photo follows."; } catch { said = "That picture cannot be read. Take another."; }
    await count(); draw(); sync();
  } });
  return [said && h("p", { class: "fld-said", role: "status" }, said),
    h("div", { class: "fld-photo" }, camera, h("label", { for: "photo", class: "button button-thumb" }, "Add a photo")),
    h("section", {}, h("h2", {}, "Now also"), h("div", { class: "fld-grid" }, WORSE.filter(([, a]) => !have.includes(a)).map(([label, a]) =>
      button(label, () => act("update", { ...target, aggravators: [a], seen: true }, `Added: ${label}`).then(draw), { class: "button fld-place" })))),
    h("label", { for: "words", class: "label" }, "In words"), words,
    button("Add these words", () => { if (words.value.trim()) act("update", { ...target, text: words.value.trim() }, "Words added.").then(() => { words.value = ""; words.blur(); draw(); }); })];
}

function sighting(id) {
  const x = state.sightings.find((y) => y.id === id);
  if (!x) return [back(), head("It is over"), h("p", {}, "This sighting is no longer open.")];
  const from = me();
  const far = from && x.lat !== null ? `${Math.round(metres(from, x))} m ${WINDS[Math.round(bearing(from, x) / 45) % 8]} of you` : "";
  const here_ = fresh() ? { lat: fix.lat, lon: fix.lon } : {};
  return [back(), head(`${x.number}. ${x.what || x.words[1] || x.words[0]}`), h("p", {}, title(x)), h("p", {}, facts(x)), far && h("p", {}, far),
    x.photos.length > 0 && h("div", { class: "fld-photos" }, x.photos.map(picture)),
    mustAnswer(x) && button("Acknowledge", () => act("ack", { sighting: x.id, version: x.version }, "Acknowledged.").then(draw), { class: "button button-main button-thumb" }),
    h("div", { class: "fld-pair" }, button("I see it", () => act("update", { sighting: x.id, seen: true, ...here_ }, "Added: seen again.").then(draw)), button("Lost sight", () => act("lost", { sighting: x.id }, "Added: track lost.").then(draw))),
    more({ sighting: x.id }, x.aggravators)];
}

/** A thumbnail first; the whole photo on a tap. Fetched as this device, so that need to know holds for photos too. */
function picture(hash) {
  const img = h("img", { alt: "Photo of the sighting; tap for the whole", class: "fld-thumb" });
  const show = async (small) => {
    const name = `${hash}${small ? "?thumb" : ""}`;
    if (!pictures.has(name)) {
      try { pictures.set(name, URL.createObjectURL(await call(`/field/photos/${name}`, {}, 30000))); } catch { return; }
    }
    img.src = pictures.get(name);
    img.classList.toggle("fld-whole", !small);
  };
  show(true);
  return h("button", { type: "button", class: "fld-picture", onclick: () => show(false) }, img);
}

const sentence = ({ message = "it was refused", cure = "" }) => `${message[0].toUpperCase()}${message.slice(1)}. ${cure}`;

function guest() {
  return [head(over ? "This phone no longer takes part" : "This phone has not joined"),
    over ? h("p", { role: "alert" }, sentence(over)) : h("p", {}, "Whoever leads your operation shows you a code on their screen. Scan it with this phone's camera: the app opens here and joins. No account is needed."),
    over && pending.length > 0 && h("p", {}, `${pending.length} reports on this phone never went out. Say them by radio.`),
    !crypto.subtle && h("p", { role: "alert" }, "This address is not secure (https), so this phone cannot make a key of its own.")];
}

/* ---------- drawing ---------- */
let shown = null;
function draw() {
  line();
  const to = location.hash.slice(1);
  const typing = main.contains(document.activeElement) && document.activeElement.matches("input:not([type=file]), textarea");
  if (typing && shown === to) return;
  const open = [...main.querySelectorAll("details[open] > summary")].map((x) => x.textContent);
  let page;
  if (over || !device()) page = guest();
  else if (!state) page = [head("One moment"), h("p", { role: "status" }, lineSince ? "There is no line, and nothing was kept yet. Go where there is one." : "Fetching your post.")];
  else if (to === "what") page = what();
  else if (to === "where" && choice) page = where(report, "Where is it?");
  else if (to === "ask") page = where(ask, "Whose is it? Where?");
  else if (to === "sent" && choice?.key) page = sent();
  else if (to.startsWith("sgt_")) page = sighting(to);
  else page = home();
  main.replaceChildren(...page.flat(3).filter((part) => part || part === 0));
  for (const summary of main.querySelectorAll("details > summary")) if (open.includes(summary.textContent)) summary.parentElement.open = true;
  if (shown !== to && shown !== null) { scrollTo(0, 0); main.querySelector("h1")?.focus({ preventScroll: true }); }
  shown = to;
  thumbs.hidden = Boolean(over || !device() || !state || !["", ...state.sightings.map((x) => x.id)].includes(to));
}

function line() {
  const waits = pending.length + photos;
  const gone = lineSince > 0;
  bar.hidden = over || !device() || !(gone || waits);
  bar.dataset.tone = gone ? "bad" : "";
  const left = [pending.length && `${pending.length} to send`, photos && `${photos} ${photos === 1 ? "photo" : "photos"} to send`].filter(Boolean).join(", ");
  const words = gone ? `Cut off since ${clock(lineSince)}. What you see is from ${seenAt ? clock(seenAt) : "never"}.${left ? ` Kept here: ${left}.` : ""}` : `Sending: ${left}`;
  if (bar.textContent !== words) bar.textContent = words;
}

async function checkIn() {
  if (!state.posts.length) { said = "No post is assigned to you, so there is nothing to check in at."; draw(); return; }
  for (const p of state.posts.slice(0, 1)) await act("check_in", { post: p.id }, `You are at ${p.label}.`);
  go("");
}

async function depart() {
  if (!confirm("Forget everything on this phone? It then has to join again by a new code.")) return;
  try {
    await call("/field/leave", { method: "POST" });
  } catch (error) {
    // A legal hold may keep what is here, and only the server knows: nothing is forgotten without its word.
    if (!(error instanceof Refused && error.status === 401)) {
      said = error instanceof Refused ? `Nothing was forgotten: ${error.said.message || "the server cannot say now. Try again."}` : "Nothing was forgotten: there is no line. Do it where there is one.";
      draw();
      return;
    }
  }
  await leave();
  location.reload();
}

async function begin() {
  document.getElementById("report").onclick = () => { said = ""; go("what"); };
  document.getElementById("ask").onclick = () => { said = ""; go("ask"); };
  document.getElementById("here").onclick = checkIn;
  if (navigator.serviceWorker) navigator.serviceWorker.register("/field/sw.js", { scope: "/field/" }).catch(() => {});
  if (!crypto.subtle || !window.indexedDB) { draw(); return; }
  onChange(async () => { await count(); draw(); });
  const code = location.hash.match(/^#join=([\w-]+)$/)?.[1];
  if (code) history.replaceState(null, "", "/field/"); // the code leaves the address at once
  await wake();
  if (code) {
    try { await leave(); await join(code); } catch (error) {
      over = error instanceof Refused ? error.said : { message: "there is no line", cure: "Scan the code again where there is one." };
    }
  }
  if (!device() || over) { draw(); return; }
  navigator.storage?.persist?.();
  await load();
  await count();
  draw();
  watch();
  await sync();
  listen();
  setInterval(draw, 20000);
}

addEventListener("hashchange", draw);
addEventListener("online", () => { retry = 0; sync(); });
addEventListener("offline", () => { lineSince ||= now(); draw(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && device() && !over) sync(); });
begin();
