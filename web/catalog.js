// Concerts and their dates. What hardly changes is remembered for as long as the page lives.

import { call, list, part } from "./api.js";

const concerts = new Map();
const performances = new Map();

const remembered = (memory, id, load) => {
  if (!memory.has(id)) {
    const promise = load();
    memory.set(id, promise);
    promise.catch(() => memory.delete(id));
  }
  return memory.get(id);
};

export const concertPage = (cursor) =>
  call("GET", `/concerts?limit=24${cursor ? `&cursor=${part(cursor)}` : ""}`, { auth: false }).then(({ body }) => body);

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

/** `soon`, `open` or `closed`, by the server's clock. */
export function salesPhase({ salesOpenAt, salesCloseAt }, now) {
  if (salesOpenAt && Date.parse(salesOpenAt) > now) return "soon";
  if (salesCloseAt && Date.parse(salesCloseAt) <= now) return "closed";
  return "open";
}
