// The user's places in line, one per concert, shared by all tabs of this browser.
//
// A place is kept in storage, so it survives a reload, and a Web Lock names the one tab that polls for it; the others
// read what that tab wrote. A closed tab loses its lock and the next one carries on, at the time that the server named.

import { computed, effect, signal, untracked } from "./vendor/libraries.js";
import { alarm, prepareAlarm } from "./alarm.js";
import { call, part } from "./api.js";
import { guessServerTime, monotonic, secondsUntil, serverNow } from "./clock.js";
import { told } from "./language.js";
import { fetched } from "./network.js";
import { renewAhead, session } from "./session.js";
import { onForeignChange, recall, recallKeys, remember } from "./storage.js";

/**
 * concertId → {view, heardAt, joinedAt, startAhead, title, wanted, ended?, trouble?, lobby?, drawn?, dueAt?}
 *
 * view        the last queue view, with the token to send
 * heardAt     when it came, on the clock that tabs share (ms)
 * joinedAt    the server's time when it was first heard of
 * startAhead  how many were ahead at first: where the progress bar begins
 * wanted      the performance that the user was about to look at
 * ended       code of the refusal that ended the place
 * trouble     code of what kept the last poll from succeeding
 * lobby       of a place that began in one: its times, see `lobby.js`
 * drawn       what was drawn: {number, entries, …}; `shown` once the fan has seen it
 * dueAt       in the lobby: the server's time at which to ask next (ms)
 */
export const places = signal({});

const NEGLECT_MS = 4000;
const LOOK_MS = 20_000; // a timer stands still while the device sleeps: so often at least it is looked whether it is time
const LONGEST_RETRY_S = 16; // in the lobby, whose views tell a pause of hours

// Fetched when somebody comes into a lobby, long before the draw: waiting itself asks the network for nothing but polls.
const lobby = () => fetched(import("./lobby.js"));

const storageKey = (concertId) => `place.${session.value.sub}.${concertId}`;

function load() {
  const found = {};
  if (session.value) {
    const start = `place.${session.value.sub}.`;
    for (const key of recallKeys(start)) {
      const place = recall(key);
      if (place?.view) found[key.slice(start.length)] = place;
    }
  }
  places.value = found;
  if (Object.values(found).some((place) => placeState(place) === "LOBBY")) lobby().catch(() => {}); // asked for again when it is due
  for (const { view, heardAt } of Object.values(found)) {
    guessServerTime(Date.parse(view.serverTime) + Math.max(0, monotonic() - heardAt));
  }
}

function save(concertId, place) {
  if (!session.value) return;
  const { [concertId]: _, ...others } = places.value;
  places.value = place ? { ...others, [concertId]: place } : others;
  remember(storageKey(concertId), place);
}

/** LOBBY, WAITING, ACTIVE, ENDED (see `ended`), or null: no place. */
export function placeState(place) {
  if (!place) return null;
  if (place.ended) return "ENDED";
  if (place.view.status === "ACTIVE" && secondsUntil(place.view.activeUntil) === 0) return "ENDED";
  return ["LOBBY", "WAITING", "ACTIVE"].includes(place.view.status) ? place.view.status : "ENDED";
}

/** Whether a place is one that has to be kept by asking: in the line, or in the lobby before it. */
export const isKept = (place) => ["LOBBY", "WAITING"].includes(placeState(place));

/** Why a place is over: `leftLobby`, `missed` one's turn, `timeOver` inside, or the code of a refusal; null while it is not. */
export function endOf(place) {
  if (!place || placeState(place) !== "ENDED") return null;
  const lapsed = place.ended === undefined || place.ended === "QUEUE_TOKEN_EXPIRED";
  if (!lapsed) return place.ended;
  return { LOBBY: "leftLobby", WAITING: "missed" }[place.view.status] ?? "timeOver";
}

/** Joins the lobby or the line, or takes up the place that the user already has (perhaps from another device). */
export async function join(concert, wanted) {
  prepareAlarm();
  const delay = concert.lobbyOpensAt ? (await lobby()).joinDelay(concert) : 0;
  if (delay) await new Promise((resolve) => setTimeout(resolve, delay * 1000));
  const { body: view } = await call("POST", `/concerts/${part(concert.concertId)}/queue-tokens`, { attempts: 2 });
  hear(concert.concertId, view, { title: told(concert, "title"), wanted });
  if (view.status === "LOBBY") await (await lobby()).cameIn(concert, view);
  return view;
}

export function want(concertId, performanceId) {
  const place = places.value[concertId];
  if (place && place.wanted !== performanceId) save(concertId, { ...place, wanted: performanceId });
}

/** Leaves the line or gives the right to book back; the place is free for the next one at once. */
export async function leave(concertId) {
  const place = places.value[concertId];
  if (!place) return;
  try {
    await call("DELETE", `${queuePath(concertId)}/current`, { queueToken: place.view.token });
  } catch (problem) {
    if (!problem.code.startsWith("QUEUE_TOKEN_")) throw problem;
  }
  forget(concertId);
}

export const forget = (concertId) => save(concertId, null);

/** A payment that completed at this time ended the place with which its seats were booked; a later place stays. */
export function endByPaying(concertId, completedAt) {
  const place = places.value[concertId];
  if (place && Date.parse(place.joinedAt) <= Date.parse(completedAt)) forget(concertId);
}

/** Some other answer told that the place is over. */
export function end(concertId, code) {
  const place = places.value[concertId];
  if (place) save(concertId, { ...place, ended: code });
}

/** Notes more of a place, if it is still there. */
export function change(concertId, more) {
  const place = places.value[concertId];
  if (place) save(concertId, { ...place, ...more });
}

const queuePath = (concertId) => `/concerts/${part(concertId)}/queue-tokens`;

function hear(concertId, view, more = {}) {
  const before = places.value[concertId];
  const fresh = !before || placeState(before) === "ENDED";
  const startAhead = Math.max(view.ahead ?? 0, fresh ? 0 : before.startAhead);
  const { ended: _e, trouble: _t, dueAt: _d, ...kept } = (fresh ? null : before) ?? {};
  const joinedAt = fresh ? view.serverTime : before.joinedAt;
  save(concertId, { ...kept, ...more, view, joinedAt, startAhead, heardAt: monotonic() });
}

/** Milliseconds between polls. A hidden tab asks as seldom as keeps the place. */
function pollInterval({ view, trouble }, hidden) {
  const told = Math.max(1, trouble?.wait ?? view.pollAfterSeconds) * 1000;
  const life = Date.parse(view.expiresAt) - Date.parse(view.serverTime);
  return hidden ? Math.max(told, life / 2) : told;
}

/** Milliseconds until the next poll is due. */
export function untilNextPoll(place, hidden = document.hidden) {
  if (place.dueAt !== undefined) return Math.max(0, place.dueAt - serverNow());
  const interval = pollInterval(place, hidden);
  const last = Math.max(place.heardAt, place.askedAt ?? 0); // asked by a tab that ended before the answer
  // Clamped: should the clock have been set in between, the worst is one interval too many.
  return Math.min(interval, Math.max(0, last + interval - monotonic()));
}

/** Even a hidden tab would have polled long ago. */
const isNeglected = (place) =>
  isKept(place) && (place.dueAt === undefined ? monotonic() - place.heardAt - pollInterval(place, true) : serverNow() - place.dueAt) > NEGLECT_MS;

const kept = new Map(); // concertId → {wake, over} of this tab's keeping of it

function supervise() {
  for (const [concertId, place] of Object.entries(places.value)) {
    if (isKept(place) && !kept.has(concertId)) untracked(() => keepPlace(concertId));
  }
}

async function keepPlace(concertId) {
  const watch = { wake: new AbortController(), over: false };
  kept.set(concertId, watch);
  try {
    await alone(
      `ost.${storageKey(concertId)}`,
      () => pollWhileWaiting(concertId, watch),
      () => isNeglected(places.value[concertId]),
    );
  } catch (error) {
    // Otherwise the lock was taken from this tab, which seemed to sleep. Nothing else that goes wrong ends the asking.
    if (error.name !== "AbortError") {
      console.error(error);
      await new Promise((resolve) => setTimeout(resolve, NEGLECT_MS));
    }
  } finally {
    watch.over = true;
    kept.delete(concertId);
  }
  supervise(); // stand in line for the lock again, behind the other tabs
}

/** Does the work in one tab at a time. From a tab that sleeps, and neglects it, the lock is taken. */
async function alone(name, work, isNeglected_) {
  if (!navigator.locks) return work();
  const enough = new AbortController();
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  const watchman = setInterval(() => {
    if (!begun && !document.hidden && isNeglected_()) enough.abort();
  }, 1000);
  try {
    return await navigator.locks.request(name, { signal: enough.signal }, begin);
  } catch (error) {
    if (begun || !enough.signal.aborted) throw error;
    return await navigator.locks.request(name, { steal: true }, begin);
  } finally {
    clearInterval(watchman);
  }
}

/** Polls until the place is let in or over. A hidden tab gives the lock away after each poll, should a visible one want it. */
async function pollWhileWaiting(concertId, watch) {
  while (!watch.over && isKept(places.value[concertId])) {
    const place = places.value[concertId];
    const wait = untilNextPoll(place);
    if (wait > 0) {
      watch.wake = new AbortController();
      if (placeState(place) === "LOBBY") renewAhead();
      await alarm(Math.min(wait, LOOK_MS), watch.wake.signal);
      if (watch.wake.signal.aborted && document.hidden) return;
    } else {
      if (placeState(place) !== "LOBBY" || (await askInLobby(concertId))) await poll(concertId, place);
      if (document.hidden) return;
    }
  }
}

/** Asks what a place in the lobby is due to ask; tells whether it is time for its first poll. */
async function askInLobby(concertId) {
  const known = await lobby().catch(() => null);
  if (!known) stumbled(concertId, { code: "NETWORK" });
  return known?.ask(concertId);
}

async function poll(concertId, place) {
  const user = session.value?.sub;
  const isStillHere = () => session.value?.sub === user && places.value[concertId];
  change(concertId, { askedAt: monotonic() });
  try {
    const { body: view } = await call("GET", `${queuePath(concertId)}/current`, {
      queueToken: place.view.token,
      attempts: 1,
    });
    if (isStillHere()) hear(concertId, view);
  } catch (problem) {
    if (!isStillHere()) return;
    if (!problem.transient) end(concertId, problem.code);
    else stumbled(concertId, problem);
  }
}

/** A question had no answer for a passing reason: it is asked again, a little later than at once. */
export function stumbled(concertId, { code, retryAfter = 0 }) {
  const place = places.value[concertId];
  if (!place) return;
  const tries = (place.trouble?.tries ?? 0) + 1;
  const inLobby = placeState(place) === "LOBBY";
  const wait = Math.max(retryAfter, inLobby ? Math.min(2 ** tries, LONGEST_RETRY_S) : place.view.pollAfterSeconds) * (1 + Math.random() * 0.3);
  const again = inLobby ? { dueAt: serverNow() + wait * 1000 } : { heardAt: monotonic() };
  save(concertId, { ...place, ...again, trouble: { code, tries, wait } });
}

function wakeAll() {
  for (const watch of kept.values()) watch.wake.abort();
}

/** The line is back: whoever could not ask before asks now. */
function askAgainNow() {
  for (const [concertId, place] of Object.entries(places.value)) {
    if (!place.trouble) continue;
    const now = placeState(place) === "LOBBY" ? { dueAt: serverNow() } : {};
    save(concertId, { ...place, ...now, trouble: { ...place.trouble, wait: 1 } });
  }
  wakeAll();
}

export function startKeeping() {
  const user = computed(() => session.value?.sub);
  effect(() => {
    user.value;
    untracked(load);
  });
  onForeignChange((key) => {
    if (key === null || key.startsWith("place.")) {
      load();
      wakeAll();
    }
  });
  document.addEventListener("visibilitychange", wakeAll);
  addEventListener("online", askAgainNow);
  effect(supervise);
}
