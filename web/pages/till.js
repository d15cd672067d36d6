// The till: how long the seats are held, what they cost, and paying for them.

import { html, navigate, useEffect, useRef, useState } from "../vendor/libraries.js";
import { call, part } from "../api.js";
import { secondsUntil } from "../clock.js";
import { points, t, time } from "../language.js";
import { Busy, Confirm, Countdown, Icon, Note, ProblemNote, sentence, useAction, useLoaded } from "../parts.js";
import { balanceNow } from "../wallet.js";
import { wasSplit } from "./picking.js";
import { ChargeForm } from "./points.js";

const TRY_AGAIN_MS = 5000;

/**
 * @param payment   its last view, or null: nobody has said yet that there is one
 * @param paying    the action of paying: {busy, problem, clear}
 * @param unsure    a payment was asked for and nobody answered
 */
export function Till({ reservation, payment, paying, unsure, payNow, reload }) {
  const { reservationId, amount, expiresAt, createdAt } = reservation;
  const balance = useLoaded(balanceNow, [reservationId]);
  const releasing = useAction();
  const [ask, setAsk] = useState(null);
  const locked = payment !== null && payment.status !== "FAILED"; // the server has said so
  const underway = paying.busy || locked;
  const short = balance.value === undefined ? 0 : Math.max(0, amount - balance.value);
  // Too few points are told by what is asked for instead.
  const failed = payment?.status === "FAILED" && payment.failure?.code !== "INSUFFICIENT_POINTS" ? payment : null;
  const cut = paying.problem?.code === "NETWORK";

  useEffect(() => {
    if ((paying.problem && !cut) || payment?.status === "FAILED") balance.reload();
  }, [paying.problem, payment]);
  useEffect(() => {
    // The line is back: the same payment goes on, with its key, so that it is one.
    if (!cut) return undefined;
    const timer = setInterval(payNow, TRY_AGAIN_MS);
    addEventListener("online", payNow);
    return () => {
      clearInterval(timer);
      removeEventListener("online", payNow);
    };
  }, [cut]);

  const release = () =>
    setAsk({
      title: t("hold.releaseTitle"),
      text: t("hold.releaseText"),
      yes: t("hold.release"),
      act: () =>
        releasing.run(async () => {
          await call("DELETE", `/reservations/${part(reservationId)}`);
          navigate(`/concerts/${part(reservation.concertId)}/dates/${part(reservation.performanceId)}`);
        }),
    });
  const noteworthy = paying.problem?.code === "INSUFFICIENT_POINTS" || cut ? null : paying.problem;

  return html`
    <section class="till panel" aria-labelledby="till-title">
      <h2 id="till-title" class="unseen">${t("hold.pay")}</h2>
      ${wasSplit(reservationId) && !underway && html`<${Note} tone="warn">${t("large.apart")}<//>`}
      ${locked
        ? html`<p class="locked"><${Icon} name="clock" />${t("hold.locked")}</p>`
        : html`<${Ring} from=${createdAt} until=${expiresAt} onEnd=${() => setTimeout(reload, 800)} />`}
      <dl class="account">
        <div><dt>${t("hold.amount")}</dt><dd>${points(amount)}</dd></div>
        <div><dt>${t("points.balance")}</dt><dd>${balance.value === undefined ? html`<span class="bone" />` : points(balance.value)}</dd></div>
        <div class="rest ${short ? "lacking" : ""}"><dt>${short ? t("hold.short") : t("hold.after")}</dt><dd>${balance.value === undefined ? html`<span class="bone" />` : points(short || balance.value - amount)}</dd></div>
      </dl>
      ${!cut && html`<${ProblemNote} problem=${balance.problem} retry=${balance.reload} />`}
      ${(cut || (unsure && paying.busy)) && html`<${Note} tone="warn" alert title=${t("hold.cutTitle")}>${t("hold.cut")}<//>`}
      ${underway && html`<${Steps} payment=${payment} />`}
      ${failed && !underway && html`<${Failure} payment=${failed} />`}
      <${ProblemNote} problem=${noteworthy} retry=${payNow} />
      ${short > 0 && !underway && !unsure
        ? html`<div class="shortfall">
            <${Note} tone="warn">${t("errors.INSUFFICIENT_POINTS", { required: points(amount), balance: points(balance.value) })}<//>
            <${ChargeForm} key=${short} suggested=${short} label=${t("hold.charge")} done=${() => (paying.clear(), balance.reload())} />
          </div>`
        : html`<${Busy} type="button" class="wide pay" busy=${underway} onClick=${() => !underway && payNow()}>${underway ? t("hold.paying") : cut ? t("again") : t("hold.payNow", { amount: points(amount) })}<//>`}
      ${!underway && !unsure && html`<p class="center"><${Busy} type="button" class="link" busy=${releasing.busy} onClick=${release}>${t("hold.release")}<//></p>`}
      <${ProblemNote} problem=${releasing.problem} retry=${release} />
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    </section>
  `;
}

/** The countdown, as a ring that empties: full when the hold began. */
function Ring({ from, until, onEnd }) {
  const [, draw] = useState(0);
  const most = useRef(0);
  const left = secondsUntil(until);
  most.current = Math.max(most.current, left);
  const full = (Date.parse(until) - Date.parse(from)) / 1000 || most.current;
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const share = full ? Math.min(1, left / full) : 0;
  return html`
    <div class="ring ${left <= 30 ? "short" : ""}">
      <svg viewBox="0 0 120 120" aria-hidden="true" focusable="false">
        <circle cx="60" cy="60" r="54" class="ring-track" />
        <circle cx="60" cy="60" r="54" class="ring-left" pathLength="100" stroke-dasharray="100" stroke-dashoffset=${100 - share * 100} />
      </svg>
      <p><small>${t("hold.left")}</small><${Countdown} until=${until} label=${t("hold.left")} onEnd=${onEnd} /></p>
    </div>
  `;
}

const PLAN = ["usepoints", "confirmbooking"];
const plain = (name) => String(name).toLowerCase().replace(/[^a-z]/g, "");
const GOOD = new Set(["completed", "done", "succeeded", "success", "ok"]);
const BAD = new Set(["failed", "refused", "rejected", "timedout"]);
const NAMES = { usepoints: "usePoints", confirmbooking: "confirmBooking", unlockhold: "unlockHold", refundpoints: "refundPoints" };

/** The payment's steps: those that happened, and those that are to come. */
export function Steps({ payment }) {
  const steps = payment?.steps ?? [];
  const started = new Set(steps.map(({ name }) => plain(name)));
  const undone = payment && (payment.status === "UNDOING" || payment.status === "FAILED");
  const ahead = undone || payment?.status === "COMPLETED" ? [] : PLAN.filter((name) => !started.has(name));
  const title = (name) => (NAMES[plain(name)] ? t(`payment.step.${NAMES[plain(name)]}`) : name);
  return html`
    <ol class="steps" aria-label=${t("payment.steps")} aria-live="polite">
      ${steps.map(({ name, status, at }, index) => {
        const state = BAD.has(plain(status)) ? "bad" : GOOD.has(plain(status)) ? "good" : "now";
        return html`<li key=${`${name}${index}`} class=${state}>
          <${Icon} name=${state === "bad" ? "cross" : state === "good" ? "check" : "clock"} /><span>${title(name)}</span>
          <small>${t(`payment.${state}`)}${at && html` · <time datetime=${at}>${time(at)}</time>`}</small>
        </li>`;
      })}
      ${ahead.map((name, index) => html`<li key=${name} class=${index === 0 ? "now" : "later"}><span class="icon dot" aria-hidden="true" /><span>${title(name)}</span><small>${t(index === 0 ? "payment.now" : "payment.later")}</small></li>`)}
    </ol>
  `;
}

/** A payment that failed: why, and what became of the points and of the seats. */
export function Failure({ payment }) {
  const { failure } = payment;
  return html`
    <${Note} tone="bad" alert title=${t("payment.failed")}>
      <p>${sentence({ code: failure?.code, detail: failure?.detail, body: { ...payment, ...failure } })}</p>
      <p>${failure?.refunded ? t("payment.refunded") : t("payment.nothingTaken")}</p>
    <//>
    <${Steps} payment=${payment} />
  `;
}
