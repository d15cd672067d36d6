// Paying for a reservation: one attempt has one idempotency key, whatever the network or a reload does to it.

import { call, part } from "./api.js";
import { newKey } from "./wallet.js";
import { recall, remember } from "./storage.js";

const attemptKey = (reservationId) => `pay.${reservationId}`;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export const hasEnded = ({ status }) => status === "COMPLETED" || status === "FAILED";

/** Was a payment asked for whose answer this tab never saw (a reload)? */
export const wasInterrupted = (reservationId) => recall(attemptKey(reservationId), sessionStorage)?.asked === true;

/**
 * Pays, and follows the payment to its end. Returns the payment's last view; `seen` gets each on the way.
 * A repeat after a lost answer uses the same key, so that there is one payment; after an ended one, a fresh key.
 */
export async function pay(reservationId, seen) {
  const key = recall(attemptKey(reservationId), sessionStorage)?.key ?? newKey();
  remember(attemptKey(reservationId), { key, asked: true }, sessionStorage);
  let ended = true;
  try {
    const answer = await call("POST", "/payments", { body: { reservationId }, key });
    seen(answer.body);
    return hasEnded(answer.body) ? answer.body : await follow(answer.body, seen, wait(answer));
  } catch (problem) {
    // A failed payment is told as a problem, with the payment's members beside it.
    if (problem.body?.paymentStatus) return viewIn(problem);
    if (problem.code === "PAYMENT_IN_PROGRESS" && problem.body.paymentId) return follow(problem.body, seen, 1);
    ended = !problem.transient;
    throw problem;
  } finally {
    remember(attemptKey(reservationId), ended ? null : { key, asked: false }, sessionStorage);
  }
}

function viewIn({ body, code, detail }) {
  const { paymentStatus, failure, ...rest } = body;
  return { ...rest, status: paymentStatus, failure: failure ?? { code, detail } };
}

const wait = (answer) => Math.max(1, Number(answer.header("Retry-After")) || 1);

/** Asks after a payment, as often as told, until it has ended. */
export async function follow({ paymentId }, seen, first = 0) {
  let seconds = first;
  for (;;) {
    await pause(seconds);
    let answer;
    try {
      answer = await call("GET", `/payments/${part(paymentId)}`);
    } catch (problem) {
      if (!problem.transient) throw problem;
      seconds = problem.retryAfter ?? 3; // it goes on without us: ask again
      continue;
    }
    seen(answer.body);
    if (hasEnded(answer.body)) return answer.body;
    seconds = wait(answer);
  }
}
