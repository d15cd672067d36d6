// A place in the lobby: quiet until the draw, then one's own number from one published file, then the first call when its
// time has come. Fetched by whoever comes into a lobby, or looks at a draw, before anything of it is needed.
//
// In the lobby a page asks nothing. One in `WITNESSES` looks once between the moment when the list is bound and the beacon's
// round, and remembers the root that it saw: nobody knows which ones, so the list cannot be changed afterwards unnoticed.

import { part } from "./api.js";
import { concertNow, drawOf, phaseOf } from "./catalog.js";
import { serverNow } from "./clock.js";
import { check, firstCall, isSigned, keyOf, numberIn, pieceName, pieceOf } from "./draw.js";
import { ask as askFor, unnamed } from "./network.js";
import { change, end, places, stumbled } from "./places.js";
import { Problem } from "./problem.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { recall, remember } from "./storage.js";

const WITNESSES = 16;
const WITNESS_FROM = 0.62; // of the time from the closing to the draw: the list is bound by then, and the round not out yet
const WITNESS_WITHIN = 0.1;
const SPREAD_S = 10; // over which first questions are spread; the API's pause already contains one
const JITTER_S = 2; // of a first call
const FIRST_CALL_S = 60; // so long a drawn number waits for it
const LATE_S = [5, 10, 20]; // between questions about a draw that is late
const LOBBY_RUSH_S = 60; // so long after its opening, and before its closing, joins are spread
const JOINS_WITHIN_S = 20;
const PARTS = 256;
const AT_ONCE = 8;

const storageKey = (concertId) => `lobby.${session.value?.sub}.${concertId}`;
const drawPath = (concertId) => `/concerts/${part(concertId)}/draw`;

/**
 * What this browser keeps of a lobby, for the check, also after the place is over: {receipt, commitment, root, number}.
 * `commitment` is as it was while the lobby was open, `root` as it was before the round, `number` as it was told.
 */
export const kept = (concertId) => recall(storageKey(concertId)) ?? {};

function keep(concertId, more) {
  remember(storageKey(concertId), { ...kept(concertId), ...more });
}

/** A published file of a draw; nothing where there is none. Its name is a hash, so any cache may have it. */
async function file(concertId, address) {
  const { apiUrl } = await settings();
  const { answer, body } = await askFor(new URL(address, apiUrl + drawPath(concertId)), "arrayBuffer");
  if (answer.status === 404) return new Uint8Array();
  if (!answer.ok) throw new Problem({ code: unnamed(answer.status), status: answer.status });
  return new Uint8Array(body);
}

/** Seconds to wait before joining: who comes in first gains nothing, so the rush at the opening is spread. */
export function joinDelay({ lobbyOpensAt, salesOpenAt }, spread = Math.random()) {
  const [since, left] = [serverNow() - Date.parse(lobbyOpensAt), Date.parse(salesOpenAt) - serverNow()].map((ms) => ms / 1000);
  const rush = since < LOBBY_RUSH_S || left < LOBBY_RUSH_S;
  return rush && left > 0 ? spread * Math.max(0, Math.min(JOINS_WITHIN_S, left / 2)) : 0;
}

/** The fan has come into the lobby: keeps the receipt, and what the draw is committed to. */
export async function cameIn(concert, view) {
  const { concertId } = concert;
  if (kept(concertId).receipt?.lobbyId !== view.receipt?.lobbyId) remember(storageKey(concertId), null); // of an earlier lobby
  if (view.receipt) keep(concertId, { receipt: view.receipt });
  const known = { closesAt: concert.salesOpenAt, salesCloseAt: concert.salesCloseAt, isWitness: Math.random() * WITNESSES < 1 };
  try {
    const draw = await drawOf(concertId);
    if (!draw.entriesRoot && !kept(concertId).commitment) keep(concertId, { commitment: draw.commitment });
    change(concertId, { lobby: { ...known, closesAt: draw.closesAt, drawsAt: draw.drawsAt } });
  } catch {
    const drawsAt = new Date(Date.parse(view.serverTime) + view.pollAfterSeconds * 1000).toISOString();
    change(concertId, { lobby: { ...known, drawsAt } });
  }
  askAt(concertId, firstQuestionAt(places.value[concertId]));
}

/** When a place in the lobby asks first, in epoch milliseconds: at the draw, or before it as a witness of the root. */
function firstQuestionAt({ view, lobby }) {
  const [closesAt, drawsAt] = [lobby.closesAt, lobby.drawsAt].map(Date.parse);
  const witnessAt = closesAt + (drawsAt - closesAt) * (WITNESS_FROM + WITNESS_WITHIN * Math.random());
  const toldAt = Date.parse(view.serverTime) + view.pollAfterSeconds * 1000;
  return lobby.isWitness && witnessAt > serverNow() ? Math.min(witnessAt, toldAt) : Math.max(toldAt, drawsAt);
}

/** What comes of a question that was answered: when to ask again, and what is known by now. */
const askAt = (concertId, at, more = {}) => change(concertId, { ...more, dueAt: at, trouble: undefined });

/** Asks what a place in the lobby is due to ask. Tells whether it is time for the first call, which is a poll like any. */
export async function ask(concertId) {
  const place = places.value[concertId];
  if (place.drawn) return true;
  try {
    const draw = await drawOf(concertId);
    if (draw.status === "DRAWN") await takeNumber(concertId, draw);
    else await waitOn(concertId, draw);
  } catch (problem) {
    if (!problem.code) throw problem;
    stumbled(concertId, problem);
  }
  return false;
}

async function waitOn(concertId, draw) {
  const { lobby: before = {}, late = 0 } = places.value[concertId];
  const isUnknown = draw.entriesRoot && !draw.beacon?.signature && !(Date.parse(draw.beacon?.roundAt) <= serverNow());
  if (isUnknown) keep(concertId, { root: kept(concertId).root ?? draw.entriesRoot });
  const lobby = { ...before, closesAt: draw.closesAt, drawsAt: draw.drawsAt, hasBeacon: draw.beacon !== null };
  change(concertId, { lobby });
  if (Date.parse(draw.drawsAt) > serverNow()) {
    askAt(concertId, Date.parse(draw.drawsAt) + Math.random() * SPREAD_S * 1000);
  } else if (Date.parse(lobby.salesCloseAt) <= serverNow() && phaseOf(await concertNow(concertId), serverNow()) === "closed") {
    end(concertId, "SALES_CLOSED");
  } else {
    const pause = LATE_S[Math.min(late, LATE_S.length - 1)] * (0.75 + Math.random() / 2);
    askAt(concertId, serverNow() + pause * 1000, { late: late + 1 });
  }
}

/** Finds one's own number with one file, and when to call with it: seconds after the draw, by the number. */
async function takeNumber(concertId, draw) {
  const { receipt } = kept(concertId);
  const number = receipt ? await numberOf(concertId, draw, receipt) : null;
  keep(concertId, { number });
  const { front, perSecond } = draw.firstCalls;
  const drawnAt = Date.parse(draw.drawnAt);
  const timeToCall = drawnAt + firstCall(number ?? 0, front, perSecond) * 1000;
  const callAt = Math.max(timeToCall, serverNow()) + Math.random() * JITTER_S * 1000;
  const { entries, entriesRoot: root, beacon } = draw;
  const drawn = { number, entries, root, round: beacon?.round ?? null, roundAt: beacon?.roundAt ?? null, isMissing: Boolean(receipt) && number === null, callAt, keptUntil: timeToCall + FIRST_CALL_S * 1000 };
  askAt(concertId, callAt, { drawn });
}

/** One's number, or null where the result has none for this entry: then the check says what is wrong. */
async function numberOf(concertId, draw, { entryId }) {
  try {
    const key = keyOf(draw.seed, entryId);
    return numberIn(await file(concertId, `${draw.piecesUrl}/${pieceName(pieceOf(key))}`), key);
  } catch (problem) {
    if (problem.code) throw problem;
    return null; // not a seed, or not a piece
  }
}

/**
 * Checks a draw from everything that was published, with what this browser kept of it.
 * Returns {passed, failed, unchecked, number}: names of what was checked, and of what this browser has nothing to check with.
 */
export async function checkDraw(concertId, draw, progress = () => {}) {
  const { receipt, commitment, root, number: told } = kept(concertId);
  const parts = Array.from({ length: PARTS }, (_, index) => index.toString(16).padStart(2, "0"));
  let read = 0;
  const lists = await inTurns(parts, async (name) => {
    const content = await file(concertId, `${draw.entriesUrl}/${name}`);
    progress((read += 1) / PARTS);
    return content;
  });
  const found = await check({
    draw: { ...draw, commitment: commitment ?? draw.commitment }, // as it was while the lobby was open
    entries: new Uint8Array(await new Blob(lists).arrayBuffer()),
    readPiece: (index) => file(concertId, `${draw.piecesUrl}/${pieceName(index)}`),
    receipt,
    publicKey: signerOf(receipt, draw.publicKeys),
    seenRoot: root,
    breathe: () => new Promise((resolve) => setTimeout(resolve)),
  });
  if (told != null && found.number !== told) found.failed.push("told");
  const unchecked = [!draw.beacon && "beacon", draw.beacon && !root && "rootSeen", !receipt && "receipt"].filter(Boolean);
  return { ...found, unchecked };
}

const signerOf = (receipt, keys) => (keys.find(({ publicKey }) => receipt && isSigned(receipt, publicKey)) ?? keys[0]).publicKey;

/** What `work` makes of each, in order, some at a time. */
async function inTurns(items, work) {
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const mine = next++;
      results[mine] = await work(items[mine]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
