// What several pages are built from.

import { html, navigate, signal, useCallback, useEffect, useMemo, useRef, useState } from "./vendor/libraries.js";
import { part } from "./api.js";
import { secondsUntil, serverNow } from "./clock.js";
import { clockFace, day, known, language, number, points, roughly, t, time } from "./language.js";
import { remember } from "./storage.js";

/** A path of this page as a link: "#/concerts/…"; values become parts of the path. */
export const path = (parts, ...values) => parts.reduce((text, piece, index) => text + part(values[index - 1] ?? "") + piece);
export const href = (parts, ...values) => `#${path(parts, ...values)}`;

/** Goes to the sign-in page and comes back. */
export function signInFirst(back = location.hash.slice(1)) {
  remember("return", back, sessionStorage);
  navigate("/sign-in");
}

/** What the title says instead, until a hidden tab is looked at. */
export const attention = signal(null);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) attention.value = null;
});

let pagesShown = 0;

/**
 * A page: its heading gets the focus when one comes from another page, so that it is read out; and again when the page has
 * become another in one's hands, which is when `turn` changes (a hold that is now a ticket).
 */
export function Page({ title, class: name = "", lead, children, before, turn }) {
  const heading = useRef(null);
  const shown = useRef(turn);
  useEffect(() => {
    const before = shown.current;
    shown.current = turn;
    if (before !== undefined && before !== turn) heading.current?.focus();
  }, [turn]);
  useEffect(() => {
    pagesShown += 1;
    if (pagesShown > 1) {
      scrollTo(0, 0);
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  useEffect(() => {
    document.title = attention.value ?? (title ? `${title} · ${t("name")}` : t("name"));
  }, [title, language.value, attention.value]);
  return html`
    <article class="page ${name}">
      ${before}
      <header class="page-head">
        <h1 ref=${heading} tabindex="-1">${title ?? html`<span class="bone wide" />`}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </header>
      ${children}
    </article>
  `;
}

/**
 * What `load` brings: {value, problem, reload}. The last value stays while a new one is on its way.
 * @param keys when one of them changes, everything starts anew
 */
export function useLoaded(load, keys) {
  const [state, setState] = useState({});
  const turn = useRef(0);
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(async () => {
    const mine = (turn.current += 1);
    try {
      const value = await latest.current();
      if (mine === turn.current) setState({ value });
      return value;
    } catch (problem) {
      if (mine === turn.current) setState(({ value }) => ({ value, problem }));
      return undefined;
    }
  }, []);
  useEffect(() => {
    setState({});
    reload();
    return () => {
      turn.current += 1;
    };
  }, keys);
  return { ...state, reload };
}

/** Runs one thing at a time: {busy, problem, run, clear}. A second click while busy does nothing. */
export function useAction() {
  const [state, setState] = useState({ busy: false, problem: null });
  const running = useRef(false);
  const alive = useRef(true);
  useEffect(() => () => void (alive.current = false), []);
  const run = useCallback(async (work) => {
    if (running.current) return;
    running.current = true;
    setState({ busy: true, problem: null });
    let problem = null;
    try {
      await work();
    } catch (refusal) {
      problem = refusal;
      if (!refusal.code) console.error(refusal);
    }
    running.current = false;
    if (alive.current) setState({ busy: false, problem });
  }, []);
  const clear = useCallback(() => setState({ busy: false, problem: null }), []);
  return { ...state, run, clear };
}

/** Seconds left until `until` (RFC 3339) by the server's clock; calls `onEnd` once when none are. */
export function useSecondsLeft(until, onEnd) {
  const [, draw] = useState(0);
  const ended = useRef(false);
  const callback = useRef(onEnd);
  callback.current = onEnd;
  useEffect(() => {
    ended.current = false;
    if (!until) return undefined;
    let shown = null;
    const look = () => {
      const left = secondsUntil(until);
      if (left !== shown) {
        shown = left;
        draw((count) => count + 1);
      }
      if (left === 0 && !ended.current) {
        ended.current = true;
        callback.current?.();
      }
    };
    const timer = setInterval(look, 200);
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [until]);
  return until ? secondsUntil(until) : null;
}

const SPOKEN_AT = [180, 60, 30, 10];

/** A countdown that is seen every second and read out only a few times. */
export function Countdown({ until, onEnd, label, class: name = "" }) {
  const left = useSecondsLeft(until, onEnd);
  const spoken = SPOKEN_AT.findLast((mark) => left <= mark);
  return html`
    <span class="countdown ${left <= 30 ? "short" : ""} ${name}" role="timer" aria-label=${label}>${clockFace(left)}</span>
    <span class="unseen" aria-live="polite">${spoken ? t("countdown.spoken", { label, time: clockFace(spoken) }) : ""}</span>
  `;
}

const ICONS = {
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  clock: "M12 7.5V12l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  alert: "M12 8v5M12 16.4v.1M10.3 4.2 2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0Z",
  info: "M12 11v5M12 7.6v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  pin: "M12 21s-7-6.2-7-11.5a7 7 0 0 1 14 0C19 14.8 12 21 12 21ZM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  calendar: "M4 9.5h16M8 3v4M16 3v4M5.5 5h13A1.5 1.5 0 0 1 20 6.5v12a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-12A1.5 1.5 0 0 1 5.5 5Z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
  back: "M14.5 5.5 8 12l6.5 6.5",
  next: "M9.5 5.5 16 12l-6.5 6.5",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5a7.5 7.5 0 0 1 15 0",
  again: "M4.5 12a7.5 7.5 0 0 1 13-5.1L20 9.5M20 4.5v5h-5M19.5 12a7.5 7.5 0 0 1-13 5.1L4 14.5M4 19.5v-5h5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  sort: "M8 10l4-4 4 4M8 14l4 4 4-4",
  up: "M6.5 14.5 12 9l5.5 5.5",
  down: "M6.5 9.5 12 15l5.5-5.5",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  file: "M14 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8ZM14 3.5V8h4.5",
  save: "M12 4v11M7.5 11 12 15.5 16.5 11M5 19.5h14",
  whole: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4",
  ticket: "M4 7.5A1.5 1.5 0 0 1 5.5 6h13A1.5 1.5 0 0 1 20 7.5v2.3a2.3 2.3 0 0 0 0 4.4v2.3a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 16.5v-2.3a2.3 2.3 0 0 0 0-4.4ZM14 6v2.5M14 11v2M14 15.5V18",
};

export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${ICONS[name]} /></svg>`;

/** A note in the flow of the page. tone: info, good, warn, bad. `alert` and `live` have it read out when it appears. */
export function Note({ tone = "info", title, children, actions, alert = false, live = false }) {
  const icon = { info: "info", good: "check", warn: "clock", bad: "alert" }[tone];
  return html`
    <section class="note ${tone}" role=${alert ? "alert" : live ? "status" : undefined}>
      <${Icon} name=${icon} />
      <div class="note-text">
        ${title && html`<strong>${title}</strong>`}
        <div>${children}</div>
        ${actions && html`<div class="actions">${actions}</div>`}
      </div>
    </section>
  `;
}

/** The sentence for a refusal, with its numbers, in the reader's language. `nameOf` a seat number is what the seat is called. */
export function sentence(problem, nameOf = String) {
  const { code, body = {}, detail } = problem;
  const seats = (body.seats ?? []).map(({ seatNumber }) => nameOf(seatNumber));
  const values = {
    seats: seats.join(", "),
    limit: body.limit,
    required: body.required === undefined ? "" : points(body.required),
    balance: body.balance === undefined ? "" : points(body.balance),
    when: body.opensAt ? `${day(body.opensAt)} ${time(body.opensAt)}` : "",
  };
  if (typeof body.limit === "number") values.limit = number(body.limit);
  if (body.holdAgainAt) values.when = time(body.holdAgainAt);
  for (const name of ["available", "together"]) if (typeof body[name] === "number") values[name] = number(body[name]);
  if (code === "RATE_LIMITED" && problem.retryAfter > 8) return t("errors.RATE_LIMITED_UNTIL", { span: roughly(problem.retryAfter) });
  if (code === "SALES_NOT_OPEN" && !body.opensAt) return t("errors.SALES_NOT_OPEN_YET");
  if (known(`errors.${code}`)) return t(`errors.${code}`, values);
  return detail || t("errors.UNEXPECTED");
}

/** A refusal with the step that helps. `steps` adds to or overrides the usual one: {CODE: {label, act | href}}. */
export function ProblemNote({ problem, nameOf, retry, steps = {} }) {
  // Told to come back later: the way on opens by itself.
  const until = useMemo(() => (problem?.retryAfter > 8 ? new Date(serverNow() + problem.retryAfter * 1000).toISOString() : null), [problem]);
  const left = useSecondsLeft(until);
  if (!problem) return null;
  const step = left ? null : steps[problem.code] ?? usualStep(problem, retry);
  const soft = problem.transient || ["SEAT_TAKEN", "INSUFFICIENT_POINTS", "SALES_NOT_OPEN", "QUEUE_TOKEN_NOT_ACTIVE", "HELD_TOO_LONG", "NOT_ENOUGH_SEATS", "LEAVES_SINGLE_SEAT", "QUOTE_CHANGED"].includes(problem.code);
  return html`
    <${Note} tone=${soft ? "warn" : "bad"} alert actions=${step && html`<${Step} ...${step} />`}>
      ${sentence(problem, nameOf)}${left ? html` <b class="countdown" role="timer">${clockFace(left)}</b>` : ""}
    <//>
  `;
}

export const Step = ({ label, act, href: to, kind = "quiet" }) =>
  to ? html`<a class="button ${kind}" href=${to}>${label}</a>` : html`<button type="button" class="button ${kind}" onClick=${act}>${label}</button>`;

function usualStep(problem, retry) {
  switch (problem.code) {
    case "SIGN_IN_REQUIRED":
      return { label: t("sign.in"), act: () => signInFirst() };
    case "CONCERT_NOT_FOUND":
    case "PERFORMANCE_NOT_FOUND":
    case "NO_PERFORMANCES":
    case "SALES_CLOSED":
      return { label: t("nav.concerts"), href: "#/" };
    case "RESERVATION_NOT_FOUND":
    case "PAYMENT_NOT_FOUND":
    case "ALREADY_PAID":
      return { label: t("nav.reservations"), href: "#/reservations" };
    default:
      return retry && { label: t("again"), act: retry };
  }
}

/** Asks before something that cannot be taken back. `ask` = {title, text, yes, act} or null. */
export function Confirm({ ask, close }) {
  const box = useRef(null);
  useEffect(() => {
    if (ask && !box.current.open) box.current.showModal();
    if (!ask && box.current.open) box.current.close();
  }, [ask]);
  return html`
    <dialog ref=${box} class="confirm" aria-labelledby="confirm-title" onClose=${close}>
      <h2 id="confirm-title">${ask?.title}</h2>
      <p>${ask?.text}</p>
      <div class="actions">
        <button type="button" class="button quiet" onClick=${close}>${t("cancel")}</button>
        <button type="button" class="button danger" onClick=${() => (close(), ask.act())}>${ask?.yes}</button>
      </div>
    </dialog>
  `;
}

/** A button that shows that it is at work. */
export const Busy = ({ busy, children, class: name = "", ...rest }) => html`
  <button class="button ${name}" aria-disabled=${busy ? "true" : undefined} ...${rest}>
    ${busy && html`<span class="spinner" aria-hidden="true" />`}<span>${children}</span>
  </button>
`;

/** Grey bars where text is about to be. */
export const Bones = ({ lines = 3 }) => html`
  <div class="bones" aria-hidden="true">${Array.from({ length: lines }, (_, index) => html`<span class="bone" key=${index} />`)}</div>
`;

export const Loading = ({ lines }) => html`<p class="unseen" role="status">${t("loading")}</p><${Bones} lines=${lines} />`;

/** A number as a person writes it: "30,000" → 30000, "3만" stays what it is: not a number. */
export const readAmount = (text) => (/^\d[\d,]*$/.test(text.trim()) ? Number(text.replaceAll(",", "")) : Number.NaN);
