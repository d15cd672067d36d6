// Paying for a reservation: one attempt has one idempotency key, whatever the network or a reload does to it.

import { call, part } from "./api.js";
import { newKey } from "./wallet.js";
import { recall, remember } from "./storage.js";

const attemptKey = (reservationId) => `pay.${reservationId}`;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export const hasEnded = ({ status }) => status === "COMPLETED" || status === "FAILED";

/** Was a payment asked for whose answer never came (a reload, a lost line)? */
export const isUnanswered = (reservationId) => recall(attemptKey(reservationId), sessionStorage)?.asked === true;

/**
 * Pays, and follows the payment to its end. Returns the payment's last view; `seen` gets each on the way.
 * A repeat after a lost answer uses the same key, so that there is one payment; after an ended one, a fresh key.
 */
export async function pay(reservationId, seen) {
  const key = recall(attemptKey(reservationId), sessionStorage)?.key ?? newKey();
  const keep = (value) => remember(attemptKey(reservationId), value, sessionStorage);
  keep({ key, asked: true });
  try {
    const answer = await call("POST", "/payments", { body: { reservationId }, key });
    seen(answer.body);
    const last = hasEnded(answer.body) ? answer.body : await follow(answer.body, seen, wait(answer));
    keep(null);
    return last;
  } catch (problem) {
    // A failed payment is told as a problem, with the payment's members beside it.
    if (problem.body?.paymentStatus) return keep(null), viewIn(problem);
    if (problem.code === "PAYMENT_IN_PROGRESS" && problem.body.paymentId) return keep(null), follow(problem.body, seen, 1);
    // Whether it was paid is not known when no answer came; who was told to come later has not paid.
    keep(problem.code === "NETWORK" ? { key, asked: true } : problem.transient ? { key, asked: false } : null);
    throw problem;
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
