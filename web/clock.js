// The server's clock, as far as answers that were made now reveal it. The device's own clock is never asked: it may be wrong.
//
// An answer was made before it arrived, so "its time, now" is never later than the truth. Of the last answers the one
// that puts the server's clock furthest ahead is therefore the nearest to it, whatever the network did to the others.
// What a cache kept tells the past: it is never heard (see `heard` in api.js).

const SAMPLES = 8;
const JUMP_MS = 2000;
let offsets = []; // server time minus this page's monotonic clock, in ms
let guess = null; // the same, worked out from what an earlier page heard
let gap = Date.now() - performance.now();

/** Milliseconds that only run forwards, and that tabs of one device share closely enough to compare. */
export const monotonic = () => performance.timeOrigin + performance.now() + slept();

let asleep = 0;

/**
 * Milliseconds that the device slept while this page was open: in some browsers the page's clock stands still then.
 * The wall clock tells, and only this. What was heard before is a guess until the next answer, for it may also have been
 * the wall clock that was set.
 */
function slept() {
  const jump = Date.now() - performance.now() - gap;
  if (Math.abs(jump) > JUMP_MS) {
    gap += jump;
    if (jump > 0) {
      const known = best();
      asleep += jump;
      if (known !== null) guess = known + jump;
      offsets = [];
    }
  }
  return asleep;
}

const best = () => (offsets.length ? Math.max(...offsets) : guess);

/** Milliseconds that the device has slept so far: say it when asking, and `heardServerTime` knows which answers to leave out. */
export const timeSlept = () => slept();

/**
 * @param at          epoch milliseconds at which the server made an answer that has just come
 * @param sleptBefore `timeSlept()` when it was asked for: what was made before a sleep and comes after it tells the past
 */
export function heardServerTime(at, sleptBefore) {
  if (slept() === sleptBefore && Number.isFinite(at)) offsets = [...offsets, at - performance.now()].slice(-SAMPLES);
}

/** For the moments until this page has an answer of its own. */
export function guessServerTime(at) {
  if (Number.isFinite(at)) guess = at - performance.now();
}

/** True once an answer has carried the server's time. */
export function clockIsKnown() {
  slept();
  return offsets.length > 0;
}

/** The server's time in epoch milliseconds; before any answer, the best guess. */
export function serverNow() {
  slept();
  const offset = best();
  return offset === null ? Date.now() : offset + performance.now();
}

/** Whole seconds until `time` (RFC 3339), rounded up, never below zero. */
export const secondsUntil = (time) => Math.max(0, Math.ceil((Date.parse(time) - serverNow()) / 1000));
