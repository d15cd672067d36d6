// The tickets of a booking: asked for, and kept on this device once seen, for a door without a network.

import { call, part } from "./api.js";
import { recall, recallKeys, remember } from "./storage.js";
import { session } from "./session.js";

const AFTERWARDS_MS = 7 * 86_400_000; // a ticket is kept so long after its date

const key = (reservationId) => `ticket.${reservationId}`;

/** {ticketId, seatNumber, code} for each seat that is paid for and not cancelled. */
export const ticketsOf = async (reservationId) => (await call("GET", `/reservations/${part(reservationId)}/tickets`)).body.items;

/** A booking as it was last seen: {reservation, concert, performance, items, seenAt}, or null. Another user's is none. */
export function keptBooking(reservationId) {
  const kept = recall(key(reservationId));
  return kept?.sub === session.value?.sub ? kept : null;
}

/** All of them, by date. */
export const keptBookings = () =>
  recallKeys(key(""))
    .map((each) => keptBooking(each.slice(key("").length)))
    .filter(Boolean)
    .sort((a, b) => Date.parse(a.performance.startsAt) - Date.parse(b.performance.startsAt));

/** Keeps a booking with all that a door wants to see, and lets go of dates long past. */
export function keepBooking(reservation, { concert, performance }, items, seenAt) {
  const shown = { title: concert.title, venue: concert.venue, translations: concert.translations };
  remember(key(reservation.reservationId), { sub: session.value?.sub, reservation, concert: shown, performance, items, seenAt });
  for (const kept of keptBookings()) {
    if (Date.parse(kept.performance.startsAt) + AFTERWARDS_MS < seenAt) remember(key(kept.reservation.reservationId), null);
  }
}
