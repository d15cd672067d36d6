// The server's clock, as far as answers reveal it. The device's own clock is never asked: it may be wrong.
//
// An answer stamped `serverTime` was made before it arrived, so "its time, now" is never later than the truth. Of the
// last answers the one that puts the server's clock furthest ahead is therefore the nearest to it, whatever the
// network did to the others.

const SAMPLES = 8;
let offsets = []; // server time minus this page's monotonic clock, in ms
let guess = null; // the same, worked out from what an earlier page heard

/** Milliseconds that only run forwards, and that tabs of one device share closely enough to compare. */
export const monotonic = () => performance.timeOrigin + performance.now();

export function heardServerTime(serverTime) {
  const at = Date.parse(serverTime);
  if (!Number.isFinite(at)) return;
  offsets = [...offsets, at - performance.now()].slice(-SAMPLES);
}

/** For the moments until this page has an answer of its own. */
export function guessServerTime(at) {
  if (Number.isFinite(at)) guess = at - performance.now();
}

/** True once an answer has carried the server's time. */
export const clockIsKnown = () => offsets.length > 0;

/** The server's time in epoch milliseconds; before any answer, the best guess. */
export function serverNow() {
  if (offsets.length) return Math.max(...offsets) + performance.now();
  return guess === null ? Date.now() : guess + performance.now();
}

/** Whole seconds until `time` (RFC 3339), rounded up, never below zero. */
export const secondsUntil = (time) => Math.max(0, Math.ceil((Date.parse(time) - serverNow()) / 1000));
