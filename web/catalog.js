// Concerts and their dates. What hardly changes is remembered for as long as the page lives.

import { call, list, part } from "./api.js";

const concerts = new Map();
const performances = new Map();
const halls = new Map();

const remembered = (memory, id, load) => {
  if (!memory.has(id)) {
    const promise = load();
    memory.set(id, promise);
    promise.catch(() => memory.delete(id));
  }
  return memory.get(id);
};

/** Every concert, by what comes next: dates ahead first, then what has none yet, then what is over. */
export async function concertsByDate(now) {
  const all = await list("/concerts", { auth: false, most: 1000 });
  const rank = (concert) => (phaseOf(concert, now) === "closed" ? 2 : concert.dates ? 0 : 1);
  const first = ({ dates, salesOpenAt }) => Date.parse(dates?.firstAt ?? salesOpenAt);
  return all.toSorted((a, b) => rank(a) - rank(b) || first(a) - first(b));
}

/** With its queue as it is now. */
export function concertNow(concertId) {
  concerts.delete(concertId);
  return concert(concertId);
}

/** Its title, venue and dates of sale: what does not change while one books. */
export const concert = (concertId) =>
  remembered(concerts, concertId, async () => (await call("GET", `/concerts/${part(concertId)}`, { auth: false })).body);

export function performancesNow(concertId) {
  performances.delete(concertId);
  return performancesOf(concertId);
}

export const performancesOf = (concertId) =>
  remembered(performances, concertId, () => list(`/concerts/${part(concertId)}/performances`, { auth: false }));

export const seatsOf = async (performanceId) =>
  (await call("GET", `/performances/${part(performanceId)}/seats`, { auth: false })).body;

/** One date: its grades with their prices, its sections, and what is left of each. */
export const performanceNow = async (performanceId) => (await call("GET", `/performances/${part(performanceId)}`, { auth: false })).body;

/** The same, as it was once: for its sections, which do not change. */
export const sectionsOf = (performanceId) => remembered(halls, performanceId, () => performanceNow(performanceId));

export const sectionSeats = async (performanceId, sectionId) =>
  (await call("GET", `/performances/${part(performanceId)}/seats?section=${part(sectionId)}`, { auth: false })).body;

/** How far a concert's lobby is, and everything that its draw can be checked with. */
export const drawOf = async (concertId) => (await call("GET", `/concerts/${part(concertId)}/draw`, { auth: false })).body;

const STANDS_STILL = { SOLD_OUT: "soldOut", NO_DATES: "noDates", PAUSED: "paused", OVER: "closed" };

/**
 * `soon`, `open`, `paused`, `soldOut`, `noDates` or `closed`. When sales open and close is judged by the server's clock,
 * which may have moved on since the answer; the rest is what the answer said.
 */
export function phaseOf({ salesOpenAt, salesCloseAt, saleStatus }, now) {
  if (salesOpenAt && Date.parse(salesOpenAt) > now) return "soon";
  if (salesCloseAt && Date.parse(salesCloseAt) <= now) return "closed";
  return STANDS_STILL[saleStatus] ?? "open";
}
