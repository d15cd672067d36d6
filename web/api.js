// Calls to the API. Answers come back as `{body, status, header(name)}`; every refusal is thrown as a Problem.

import { clockIsKnown, heardServerTime, timeSlept } from "./clock.js";
import { ask, parsed, unnamed } from "./network.js";
import { Problem } from "./problem.js";
import { bearer, renew, session } from "./session.js";
import { settings } from "./settings.js";

const ATTEMPTS = 3;
const LONGEST_WAIT_S = 8; // what takes longer is the fan's to know

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param options.body          sent as JSON, unless `type` says what it is
 * @param options.type          media type of a body that is sent as it stands
 * @param options.auth          send the sign-in token (default true)
 * @param options.queueToken    sent as X-Queue-Token
 * @param options.key           sent as Idempotency-Key; makes a repeat safe
 * @param options.attempts      1 = never repeated. By default what is safe to repeat is, when the line or the
 *                              server falters, with the same key
 */
export async function call(method, path, options = {}) {
  const safe = method !== "POST" || options.key !== undefined;
  const attempts = options.attempts ?? (safe ? ATTEMPTS : 1);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(method, path, options);
    } catch (problem) {
      if (!problem.transient || attempt >= attempts || problem.retryAfter > LONGEST_WAIT_S) throw problem;
      const wait = problem.retryAfter ?? attempt;
      await pause((wait + Math.random() * 0.5) * 1000);
    }
  }
}

async function once(method, path, options) {
  const sure = options.auth === false || clockIsKnown(); // then a token that is sent is known to be good
  try {
    return judge(await send(method, path, options));
  } catch (problem) {
    if (options.auth === false || !looksLapsed(problem, sure)) throw problem;
  }
  // Renew the token, and ask once more. Who cannot be reached for that either is out of reach.
  await renew();
  const second = await send(method, path, options);
  if (second.status === 401 && !second.body?.code) throw new Problem({ code: "SIGN_IN_REQUIRED", status: 401 });
  return judge(second);
}

/**
 * API Gateway's own 401 names no code, and to a page of another origin it is no answer at all, for it carries no CORS
 * header. So no answer, while nobody has told the time yet, may mean that the token has lapsed.
 */
function looksLapsed({ status, code, body }, sure) {
  return (status === 401 && body.code === "UNEXPECTED") || (code === "NETWORK" && !sure && session.value !== null);
}

async function send(method, path, { body, type, auth = true, queueToken, key }) {
  const { apiUrl } = await settings();
  // What is public says itself how long it may be kept. Until the time is known, it must be told anew.
  const cache = auth ? "no-store" : clockIsKnown() ? "default" : "no-cache";
  const headers = {};
  if (auth) headers.Authorization = `Bearer ${await bearer()}`;
  if (queueToken) headers["X-Queue-Token"] = queueToken;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
  const sleptBefore = timeSlept();
  const sent = { method, headers, body: body === undefined || type ? body : JSON.stringify(body), cache };
  const { answer: response, body: text } = await ask(apiUrl + path, "text", sent);
  const answer = { status: response.status, header: (name) => response.headers.get(name), body: parsed(text) };
  heard(answer, cache, sleptBefore);
  return answer;
}

/**
 * Learns the time from an answer that was made now. A public body may be a cache's: its `serverTime` is then long past, also
 * where the server was asked and said 304. Its `Date`, and the `Age` that a CDN adds, tell the time if the server was asked.
 */
function heard(answer, cache, sleptBefore) {
  const date = Date.parse(answer.header("Date")) + (Number(answer.header("Age")) || 0) * 1000;
  if (cache === "no-store") heardServerTime(Date.parse(answer.body?.serverTime ?? "") || date, sleptBefore);
  else if (cache === "no-cache") heardServerTime(date, sleptBefore);
}

function judge(answer) {
  if (answer.status < 400 && answer.body !== undefined) return answer;
  const retryAfter = Number(answer.header("Retry-After")) || undefined;
  throw new Problem({ ...answer.body, code: answer.body?.code ?? unnamed(answer.status), status: answer.status }, { retryAfter });
}

/** The items of a list, all pages of it up to `most`. */
export async function list(path, { auth = true, most = 200, attempts } = {}) {
  const items = [];
  let cursor = null;
  do {
    const { body } = await call("GET", withQuery(path, { limit: 100, cursor }), { auth, attempts });
    items.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor && items.length < most);
  return items;
}

/** One page of a list: {items, nextCursor}. */
export async function page(path, cursor, { auth = true, limit = 20, query = {} } = {}) {
  return (await call("GET", withQuery(path, { limit, cursor, ...query }), { auth })).body;
}

function withQuery(path, members) {
  const query = new URLSearchParams(Object.entries(members).filter(([, value]) => value != null));
  return `${path}?${query}`;
}

/** A part of a path, made safe. */
export const part = encodeURIComponent;
