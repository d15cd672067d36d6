// Calls to the API. Answers come back as `{body, status, header(name)}`; every refusal is thrown as a Problem.

import { heardServerTime } from "./clock.js";
import { Problem } from "./problem.js";
import { bearer, renew } from "./session.js";
import { settings } from "./settings.js";

const PATIENCE_MS = 35_000; // API Gateway gives up after 30 s: longer means that the line is dead
const ATTEMPTS = 3;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param options.body          sent as JSON
 * @param options.auth          send the sign-in token (default true)
 * @param options.queueToken    sent as X-Queue-Token
 * @param options.key           sent as Idempotency-Key; makes a repeat safe
 * @param options.attempts      1 = never repeated. By default what is safe to repeat is, when the line or the
 *                              server falters, with the same key
 */
export async function call(method, path, options = {}) {
  const safe = method === "GET" || method === "DELETE" || options.key !== undefined;
  const attempts = options.attempts ?? (safe ? ATTEMPTS : 1);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(method, path, options);
    } catch (problem) {
      if (!problem.transient || attempt >= attempts) throw problem;
      const wait = Math.min(problem.retryAfter ?? attempt, 8);
      await pause((wait + Math.random() * 0.5) * 1000);
    }
  }
}

async function once(method, path, options) {
  const answer = await send(method, path, options);
  // API Gateway's own 401 names no code: the sign-in token has lapsed. Renew it, and ask once more.
  if (answer.status === 401 && !answer.body?.code && options.auth !== false) {
    await renew();
    const second = await send(method, path, options);
    if (second.status === 401 && !second.body?.code) throw new Problem({ code: "SIGN_IN_REQUIRED", status: 401 });
    return judge(second);
  }
  return judge(answer);
}

async function send(method, path, { body, auth = true, queueToken, key }) {
  const { apiUrl } = await settings().catch(() => {
    throw new Problem({ code: "NETWORK" });
  });
  const headers = {};
  if (auth) headers.Authorization = `Bearer ${await bearer()}`;
  if (queueToken) headers["X-Queue-Token"] = queueToken;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(apiUrl + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: auth ? "no-store" : "default", // what is public says itself how long it may be kept
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    return { status: response.status, header: (name) => response.headers.get(name), body: parsed(text) };
  } catch {
    throw new Problem({ code: "NETWORK" });
  }
}

function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function judge(answer) {
  heardServerTime(answer.body?.serverTime ?? answer.header("Date"));
  if (answer.status < 400 && answer.body !== undefined) return answer;
  const retryAfter = Number(answer.header("Retry-After")) || undefined;
  const known = answer.body?.code;
  const code = known ?? (answer.status === 429 ? "RATE_LIMITED" : answer.status >= 500 ? "TEMPORARILY_UNAVAILABLE" : "UNEXPECTED");
  throw new Problem({ ...answer.body, code, status: answer.status }, { retryAfter });
}

/** The items of a list, all pages of it up to `most`. */
export async function list(path, { auth = true, most = 200 } = {}) {
  const items = [];
  let cursor = null;
  do {
    const { body } = await call("GET", withQuery(path, { limit: 100, cursor }), { auth });
    items.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor && items.length < most);
  return items;
}

/** One page of a list: {items, nextCursor}. */
export async function page(path, cursor, { auth = true, limit = 20 } = {}) {
  return (await call("GET", withQuery(path, { limit, cursor }), { auth })).body;
}

function withQuery(path, members) {
  const query = new URLSearchParams(Object.entries(members).filter(([, value]) => value != null));
  return `${path}?${query}`;
}

/** A part of a path, made safe. */
export const part = encodeURIComponent;
