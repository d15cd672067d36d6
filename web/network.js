// What is asked of a server, whichever it is: an answer comes whole and in time, or none came.

import { Problem } from "./problem.js";

const PATIENCE_MS = 35_000; // API Gateway gives up after 30 s: longer means that the line is dead

/** The answer and its body, read as `kind` says ("text", "json", "arrayBuffer"); the problem NETWORK where none came. */
export async function ask(url, kind, options = {}) {
  try {
    const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
    return { answer, body: await answer[kind]() };
  } catch {
    throw new Problem({ code: "NETWORK" });
  }
}

/** A module of the page that is fetched when it is needed; the problem NETWORK where it does not come. */
export const fetched = (module) =>
  module.catch(() => {
    throw new Problem({ code: "NETWORK" });
  });

/** The JSON that a body is; null where there is none, undefined where it is something else. */
export function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a refusal means that names nothing: what stands before a service (a firewall's 403, a throttle's 429) does not. */
export const unnamed = (status) => (status === 429 || status === 403 ? "RATE_LIMITED" : status >= 500 ? "TEMPORARILY_UNAVAILABLE" : "UNEXPECTED");
