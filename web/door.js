// A door: loads a date while there is a network, judges codes without one, and tells the server every scan when it can.
//
// A scan is kept on this device before anything is shown. What is shown is what this device knows; the server's answer is
// what counts, and where it is another, staff are told.

import { batch, effect, signal, untracked } from "./vendor/libraries.js";
import { call, part } from "./api.js";
import { concert as concertOf, performancesOf, sectionsOf } from "./catalog.js";
import { serverNow } from "./clock.js";
import { planOf } from "./plan.js";
import { Problem } from "./problem.js";
import { changeScans, forgetDates, keepList, keepScan, keptLists, listOf, scansOf, unsentScans } from "./scans.js";
import { session } from "./session.js";
import { recall, remember } from "./storage.js";
import { newKey } from "./wallet.js";

const CODE = /^OST1:([A-Za-z0-9-]{1,64}):([a-z0-9.-]{1,100}):([1-9][0-9]{0,5}):(t[a-z2-7]{20}):([A-Za-z0-9_-]{86})$/;
const LONGEST_KEPT = 4296; // what the API takes; a longer code is none of ours, and its beginning proves it
const KEPT_MS = 14 * 86_400_000; // a date that is done with is forgotten after that
const AT_ONCE = 200;
const FIRST_WAIT_S = 2;
const LONGEST_WAIT_S = 60;

export const scans = signal([]); // of the date that is open, in the order in which they were made
export const waiting = signal(0); // scans of all dates that the server has not answered yet
export const trouble = signal(null); // why they are not sent: a problem, or null

const iso = (at) => new Date(at).toISOString().replace(/\.\d+/, "");

// -- this device

/** The name that this device's scans carry. It stays; staff may put a word before it. */
export function deviceId() {
  const { name = "door", mark = newKey().slice(0, 6) } = recall("door") ?? {};
  remember("door", { name, mark });
  return `${name}-${mark}`;
}

/** Names this door: letters, digits and hyphens, as the API takes them. Scans that were made keep their name. */
export function nameDoor(name) {
  deviceId();
  remember("door", { ...recall("door"), name: name.replace(/[^A-Za-z0-9-]+/g, "-").slice(0, 24) || "door" });
}

// -- a date

/** Reads a date's guest list, keys and names of seats, and keeps them. Returns the list as `judge` wants it. */
export async function loadDate(performanceId) {
  const { body } = await call("GET", `/performances/${part(performanceId)}/guest-list`);
  const named = await about(performanceId).catch(() => listOf(performanceId));
  const { concert, dates = [], seats = [], sections } = named ?? {};
  const list = { performanceId, concert, dates, seats, sections, ...body, loadedAt: serverNow() };
  await keepList(list);
  return indexed(list);
}

async function about(performanceId) {
  const [concertId] = performanceId.split(".");
  const [concert, dates] = await Promise.all([concertOf(concertId), performancesOf(concertId)]);
  const { hallVersion } = dates.find((date) => date.performanceId === performanceId) ?? {};
  if (!hallVersion) return { concert, dates };
  const [plan, { sections }] = await Promise.all([planOf(performanceId, hallVersion), sectionsOf(performanceId)]);
  const seats = [...plan.seats.values()].map(({ seatNumber, row, label }) => ({ seatNumber, row, label }));
  return { concert, dates, seats, sections };
}

/** The list that was kept of a date, or null. */
export async function keptDate(performanceId) {
  const list = await listOf(performanceId);
  return list ? indexed(list) : null;
}

/** A list as it is used: what is looked up is found at once. `tickets` are those that are good. */
const indexed = (list) => ({
  ...list,
  performance: dateOf(list, list.performanceId),
  tickets: list.tickets.filter(({ revoked }) => !revoked),
  guests: new Map(list.tickets.map((guest) => [guest.ticketId, guest])),
  keys: new Map(list.publicKeys.map(({ keyId, publicKey }) => [keyId, publicKey])),
  named: new Map(list.seats.map((seat) => [seat.seatNumber, seat])),
});

/** A date of the list's concert, with the sections that all of them share, or undefined. */
export function dateOf({ dates, sections }, performanceId) {
  const date = dates.find((each) => each.performanceId === performanceId);
  return date && { ...date, sections };
}

/** The lists that were kept, the newest first. */
export const keptDates = async () => (await keptLists()).map(indexed).sort((a, b) => b.loadedAt - a.loadedAt);

/** Shows a date's scans, and sends what is unsent of any. */
export async function openDate(performanceId) {
  await forgetDates(serverNow() - KEPT_MS);
  scans.value = await scansOf(performanceId);
  waiting.value = (await unsentScans()).length;
  send();
}

// -- judging

const bytes = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const browsersKey = (key) => crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
const library = () => import("./vendor/draw.js"); // for browsers that cannot, and for pages without https

/** Fetches what checks signatures, if this browser needs it, while there is a network. */
export const prepareChecking = (list) => Promise.all([...list.keys.values()].map((key) => checkerOf(key)));

/** Returns what tells whether a key, in base64url, has signed a text: by the browser, or by a library where it cannot. */
async function checkerOf(publicKey) {
  const raw = bytes(publicKey);
  try {
    const key = await browsersKey(raw);
    return (signature, text) => crypto.subtle.verify("Ed25519", key, signature, text);
  } catch {
    const { ed25519 } = await library();
    return (signature, text) => ed25519.verify(signature, text, raw);
  }
}

async function isSigned(text, signature, publicKey) {
  try {
    return await (await checkerOf(publicKey))(bytes(signature), new TextEncoder().encode(text));
  } catch (problem) {
    if (problem instanceof DOMException || problem instanceof RangeError) return false; // letters that are no signature
    throw problem;
  }
}

/**
 * What a code means as far as this device knows: {outcome, why?, first?, ticketId?, seatNumber?, performanceId?}.
 *
 * Only what our key has signed for this date lets anybody in. A good signature of a ticket that the list does not have lets in
 * too (`why: "new"`): it was paid for after the list was loaded. Had it been cancelled since, the list could not know either,
 * as of any other; and a guest who has paid is not sent away for our list's age.
 */
export async function judge(list, code) {
  const [, keyId, performanceId, seat, ticketId, signature] = CODE.exec(code) ?? [];
  if (!ticketId) return { outcome: "INVALID", why: "foreign" };
  if (!list.keys.has(keyId)) return { outcome: "INVALID", why: "key" };
  if (!(await isSigned(code.slice(0, code.lastIndexOf(":")), signature, list.keys.get(keyId)))) return { outcome: "INVALID", why: "forged" };
  const ticket = { ticketId, seatNumber: Number(seat) };
  if (performanceId !== list.performanceId) return { outcome: "WRONG_DATE", performanceId, ...ticket };
  const guest = list.guests.get(ticketId);
  if (guest?.revoked) return { outcome: "REVOKED", ...ticket };
  if (guest?.checkedInAt) return { outcome: "ALREADY", why: "elsewhere", first: { at: guest.checkedInAt }, ...ticket };
  return { outcome: "ADMITTED", ...(!guest && { why: "new" }), ...ticket };
}

/** Judges a code, keeps the scan, and has it sent. Returns the scan; rejects if it could not be kept, and then nobody is let in. */
export async function scan(list, code) {
  const { ticketId, seatNumber, ...told } = await judge(list, code);
  const kept = await keepScan({
    scanId: newKey(),
    deviceId: deviceId(),
    performanceId: list.performanceId,
    code: code.slice(0, LONGEST_KEPT),
    at: iso(serverNow()),
    ...(ticketId && { ticketId, seatNumber }),
    told,
  });
  batch(() => {
    scans.value = [...scans.value, kept];
    waiting.value += 1;
  });
  if (!trouble.value) send(); // otherwise it goes with the next attempt
  return kept;
}

/** What counts of a scan: what the server said, or else what was shown. At which door somebody came in first only the server knows. */
export function meaning({ told, answer }) {
  if (!answer?.outcome) return told;
  return answer.outcome === told.outcome && told.outcome !== "ALREADY" ? { ...told, ...answer } : answer;
}

/** Notes that staff have seen where the server and this device differed. */
export async function settle({ order }) {
  taken(await changeScans([order], ({ look, ...rest }) => rest));
}

function taken(changed) {
  const by = new Map(changed.map((each) => [each.order, each]));
  scans.value = scans.value.map((each) => by.get(each.order) ?? each);
}

// -- sending

let running = false;
let wanted = false;
let failures = 0;
let timer;

/** Sends what is unsent, oldest first, until all is answered or the line fails; then again by itself, later and later. */
export async function send() {
  wanted = true;
  if (running) return;
  running = true;
  clearTimeout(timer);
  try {
    while (wanted) {
      wanted = false;
      await alone(round);
    }
    failures = 0;
    trouble.value = null;
  } catch (problem) {
    wanted = false;
    failures += 1;
    trouble.value = problem.code ? problem : new Problem({ code: "UNEXPECTED", detail: String(problem) });
    const wait = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S ** failures) * (0.75 + Math.random() / 2);
    timer = setTimeout(send, Math.max(wait, problem.retryAfter ?? 0) * 1000);
  }
  running = false;
}

/** One tab at a time: to send twice is safe, but of no use. */
const alone = (work) => (navigator.locks ? navigator.locks.request("ost.door", work) : work());

async function round() {
  const stuck = new Set(); // dates of which the server wants to know nothing at this time
  let most = AT_ONCE;
  let problem = null;
  for (;;) {
    const unsent = (await unsentScans()).filter(({ performanceId }) => !stuck.has(performanceId));
    if (!unsent.length) break;
    const [{ performanceId, deviceId: device }] = unsent;
    const some = unsent.filter((each) => each.performanceId === performanceId && each.deviceId === device).slice(0, most);
    try {
      await tell(performanceId, device, some);
    } catch (refusal) {
      if (refusal.status === 404) {
        stuck.add(performanceId);
        problem = refusal;
      } else if (refusal.status !== 400) throw refusal;
      else if (some.length > 1) most = Math.ceil(some.length / 2); // one of them cannot be read: find it
      else await hear(some, () => ({ refused: refusal.code }));
      continue;
    }
    most = AT_ONCE;
  }
  waiting.value = (await unsentScans()).length;
  if (problem) throw problem;
}

async function tell(performanceId, device, some) {
  const body = { deviceId: device, scans: some.map(({ scanId, code, at }) => ({ scanId, code, at })) };
  const answer = await call("POST", `/performances/${part(performanceId)}/check-ins`, { body, attempts: 1 });
  const results = new Map(answer.body.results.map((result) => [result.scanId, result]));
  const heard = some.filter(({ scanId }) => results.has(scanId));
  if (!heard.length) throw new Problem({ code: "UNEXPECTED" });
  await hear(heard, ({ scanId }) => {
    const { outcome, first } = results.get(scanId);
    return { outcome, ...(first && { first }) };
  });
}

/** Keeps what the server said of scans; where it lets in whom this device did not, or the other way, somebody has to look. */
async function hear(some, answerOf) {
  silent = false;
  const changed = await changeScans(
    some.map(({ order }) => order),
    ({ unsent, ...each }) => {
      const answer = answerOf(each);
      const differs = answer.refused || (answer.outcome === "ADMITTED") !== (each.told.outcome === "ADMITTED");
      return { ...each, answer, ...(differs && !awaited.has(each.order) && { look: 1 }) };
    },
  );
  taken(changed);
  waiting.value = Math.max(0, waiting.value - changed.length);
}

const awaited = new Set(); // scans of which nothing has been shown yet: the server's answer will be
let silent = false; // the server has let somebody wait, and said nothing since

/** Resolves with a scan once the server has answered it, or with what there is of it after `ms`. */
export function answeredWithin({ order }, ms) {
  const find = () => scans.value.find((each) => each.order === order);
  awaited.add(order);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(limit);
      stop();
      awaited.delete(order);
      const found = untracked(find);
      silent ||= !found.answer;
      resolve(found);
    };
    const limit = setTimeout(finish, ms);
    let stop = () => {};
    stop = effect(() => {
      if (find()?.answer || trouble.value) queueMicrotask(finish);
    });
  });
}

/** Whether the server can be asked, as far as is known. */
export const reachable = () => navigator.onLine && !trouble.value && !silent;

/** Sends at once, where there is a new reason to hope. */
function sendAnew() {
  failures = 0;
  send();
}
addEventListener("online", sendAnew);
document.addEventListener("visibilitychange", () => !document.hidden && sendAnew());
effect(() => void (session.value && trouble.value?.code === "SIGN_IN_REQUIRED" && untracked(sendAnew)));
