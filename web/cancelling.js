// Cancelling seats that are paid for: the fan agrees to a sum, and gets exactly that one. One attempt has one idempotency
// key, whatever the network or a reload does to it.

import { call, part } from "./api.js";
import { recall, remember } from "./storage.js";
import { newKey } from "./wallet.js";

const PATIENCE = 5; // asks after points that are on their way so often; after that they come without us
const attempt = (reservationId, userId) => `cancel.${userId ? `${userId}.` : ""}${reservationId}`;
const path = (reservationId, userId) => `${userId ? "/organiser" : ""}/reservations/${part(reservationId)}/cancellation`;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The seats of a booking that are not cancelled. */
export const seatsLeft = ({ seatNumbers, cancelledSeatNumbers = [] }) => seatNumbers.filter((seat) => !cancelledSeatNumbers.includes(seat));

/** What cancelling these seats gives now. @param userId the fan, where an organiser asks */
export const quoteOf = async (reservationId, seatNumbers, userId) =>
  (await call("GET", `${path(reservationId, userId)}?seatNumbers=${seatNumbers.join(",")}${userId ? `&userId=${part(userId)}` : ""}`)).body;

/** What was agreed to and never answered (a reload, a lost line): {seatNumbers, expectedRefund}, or null. */
export const unanswered = (reservationId, userId) => recall(attempt(reservationId, userId), sessionStorage)?.body ?? null;

/**
 * Cancels seats for the sum of the quote that was agreed to; returns the last view of the cancellation, and `seen` gets each on
 * the way. The same agreement sent again has the same key, so that it is one cancellation.
 * @param body {seatNumbers, expectedRefund}, and {userId, reason} where an organiser does it for a fan
 */
export async function cancel(reservationId, body, seen) {
  const { userId } = body;
  const before = recall(attempt(reservationId, userId), sessionStorage);
  const key = before && JSON.stringify(before.body) === JSON.stringify(body) ? before.key : newKey();
  const keep = (value) => remember(attempt(reservationId, userId), value, sessionStorage);
  keep({ key, body });
  try {
    for (let asked = 1; ; asked += 1) {
      const answer = await call("POST", path(reservationId, userId), { body, key });
      seen(answer.body);
      if (answer.body.status === "COMPLETED" || asked === PATIENCE) return keep(null), answer.body;
      await pause(Math.max(1, Number(answer.header("Retry-After")) || 2));
    }
  } catch (problem) {
    if (!problem.transient) keep(null); // it was refused, so nothing was done
    throw problem;
  }
}
