// What organisers ask and do. Every entry is safe to repeat: the same request again is the same entry.

import { call, list, page, part } from "./api.js";
import { t } from "./language.js";
import { session } from "./session.js";

let lastSales = { sub: null, concerts: null };

/** What was last heard of all sales, so that another page of the organiser's begins with it. */
export const salesBefore = () => (lastSales.sub === session.value?.sub ? lastSales.concerts : null);

/** Every concert with its line, dates and what needs attention, as it is now. */
export async function salesNow() {
  const concerts = await list("/organiser/concerts", { most: 2000, attempts: 1 });
  lastSales = { sub: session.value?.sub, concerts };
  return concerts;
}

/** Since when all of these numbers are true: the oldest of their times. */
export const trueSince = (concerts) => concerts.map(({ asOf }) => asOf).reduce((oldest, at) => (oldest && Date.parse(oldest) < Date.parse(at) ? oldest : at), null);

// -- the line

/** Changes a concert's line; `changes` are the members that change. The last word counts, so that a repeat changes nothing. */
export const changeLine = async (concertId, changes) => (await call("PUT", `/organiser/concerts/${part(concertId)}/queue`, { body: changes })).body;

// -- the catalog

export const MOST_BYTES = 256 * 1024;

/** What publishing this text would change, or has changed: {changes, mistakes, applied, repeatAt?}. */
export async function publish(text, dryRun) {
  try {
    const { body } = await call("POST", `/organiser/catalog?dryRun=${dryRun}`, { body: text, type: "application/yaml", attempts: 2 });
    return { repeatAt: null, ...body };
  } catch (problem) {
    if (problem.code !== "CATALOG_REFUSED") throw problem;
    return { changes: [], mistakes: [], ...problem.body, applied: false, repeatAt: null, refused: true };
  }
}

// -- a date

const datePath = (performanceId) => `/organiser/performances/${part(performanceId)}`;

/** Who booked; nobody knows the name of who did before names were kept. */
export const nameOf = ({ name }) => name ?? t("board.bookings.nameless");

/** A page of the bookings that fit; it may be empty and yet not the last. */
export const bookings = (performanceId, sought, cursor) => page(`${datePath(performanceId)}/bookings`, cursor, { limit: 100, query: { q: sought || null } });

/** Every booking of a date; `seen` is told how many have come. */
export async function allBookings(performanceId, seen) {
  const found = [];
  let cursor = null;
  do {
    const next = await bookings(performanceId, "", cursor);
    found.push(...next.items);
    cursor = next.nextCursor;
    seen(found.length);
  } while (cursor);
  return found;
}

const callingOff = (performanceId) => `${datePath(performanceId)}/cancellation`;

export const callingOffNow = async (performanceId) => (await call("GET", callingOff(performanceId), { attempts: 1 })).body;

/** What calling the date off gives back, and the code that confirms it. @param offSale take it off sale first, so that the code holds */
export const surveyOf = async (performanceId, offSale) =>
  (await call("POST", callingOff(performanceId), { body: { dryRun: true, ...(offSale && { offSale }) }, attempts: 2 })).body;

/** Calls the date off. The code stands for what was surveyed; sent again, it goes on with the same. */
export const callOff = async (performanceId, code) => (await call("POST", callingOff(performanceId), { body: { confirm: code }, attempts: 3 })).body;

// -- the log

/** A page of what was done, newest first. */
export const logEntries = (cursor, concertId) => page("/organiser/log", cursor, { limit: 50, query: { concertId } });
