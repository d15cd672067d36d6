// One reservation: while it is held, the counter at which it is paid; afterwards, the ticket.

import { html, navigate, useEffect, useRef, useState } from "../vendor/libraries.js";
import { call, part } from "../api.js";
import { follow, hasEnded, pay, wasInterrupted } from "../checkout.js";
import { secondsUntil } from "../clock.js";
import { hall } from "../hall.js";
import { points, t, time } from "../language.js";
import { Busy, Confirm, Countdown, href, Icon, Loading, Note, Page, ProblemNote, sentence, signInFirst, useAction, useLoaded } from "../parts.js";
import { endByPaying } from "../places.js";
import { Poster } from "../poster.js";
import { session, signedIn } from "../session.js";
import { balanceNow } from "../wallet.js";
import { ChargeForm } from "./points.js";
import { Status, useOccasion, when } from "./reservations.js";

export function Reservation({ reservationId }) {
  if (!signedIn.value) {
    return html`<${Page} class="narrow" title=${t("hold.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
    <//>`;
  }
  return html`<${Counter} key=${session.value.sub} reservationId=${reservationId} />`;
}

function Counter({ reservationId }) {
  const loaded = useLoaded(async () => (await call("GET", `/reservations/${part(reservationId)}`)).body, [reservationId]);
  const reservation = loaded.value;
  const occasion = useOccasion(reservation ?? {});
  const [payment, setPayment] = useState(null);
  const paying = useAction();
  const alive = useRef(true);
  useEffect(() => () => void (alive.current = false), []);

  const conclude = (outcome) => {
    setPayment(outcome);
    if (outcome.status === "COMPLETED") endByPaying(reservation.concertId, outcome.completedAt);
  };
  const settle = async (outcome) => {
    conclude(outcome);
    await loaded.reload();
  };
  const payNow = () =>
    paying.run(async () => {
      setPayment({ status: "PENDING", steps: [] });
      try {
        await settle(await pay(reservationId, setPayment));
      } catch (problem) {
        setPayment(null);
        if (["RESERVATION_EXPIRED", "RESERVATION_NOT_HELD", "ALREADY_PAID"].includes(problem.code)) await loaded.reload();
        throw problem;
      }
    });
  const resume = (paymentId) => paying.run(async () => settle(await follow({ paymentId }, setPayment)));

  useEffect(() => {
    // A reload in the middle of paying: take the payment up again.
    if (!reservation || payment || paying.busy) return;
    if (reservation.status === "HELD" && wasInterrupted(reservationId)) payNow();
    else if (reservation.paymentId && ["HELD", "CONFIRMED"].includes(reservation.status)) {
      call("GET", `/payments/${part(reservation.paymentId)}`).then(
        ({ body }) => {
          if (!alive.current) return;
          if (!hasEnded(body)) resume(body.paymentId);
          else if (body.status === "COMPLETED") conclude(body);
        },
        () => {}, // the ticket stands without the payment's steps
      );
    }
  }, [reservation]);

  if (loaded.problem && !reservation) {
    return html`<${Page} class="narrow" title=${t("hold.title")}><${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} /><//>`;
  }
  if (!reservation) return html`<${Page} class="counter" title=${t("hold.title")}><${Loading} lines=${6} /><//>`;

  const underway = paying.busy || (payment && !hasEnded(payment));
  const lapsed = reservation.status === "HELD" && !underway && secondsUntil(reservation.expiresAt) === 0;
  const status = lapsed ? "EXPIRED" : reservation.status;
  const headings = { HELD: t("hold.title"), CONFIRMED: t("hold.paidTitle"), EXPIRED: t("hold.expiredTitle"), RELEASED: t("hold.releasedTitle") };
  return html`
    <${Page} class="counter ${status.toLowerCase()}" title=${headings[status] ?? t("hold.title")} lead=${status === "CONFIRMED" ? t("hold.paidLead") : undefined}
      before=${html`<a class="up" href="#/reservations"><${Icon} name="back" />${t("nav.reservations")}</a>`}>
      <div class="counter-grid">
        <${Slip} reservation=${reservation} status=${status} occasion=${occasion} />
        ${status === "HELD"
          ? html`<${Till} reservation=${reservation} payment=${payment} underway=${underway} paying=${paying} payNow=${payNow} reload=${loaded.reload} />`
          : html`<${Outcome} reservation=${reservation} status=${status} payment=${payment} problem=${paying.problem} />`}
      </div>
    <//>
  `;
}

/** The ticket. */
function Slip({ reservation, status, occasion }) {
  const { concertId, seatNumbers, amount, reservationId } = reservation;
  return html`
    <section class="slip" aria-label=${t("hold.slip")}>
      <div class="slip-art"><${Poster} id=${concertId} wide /><${Status} status=${status} /></div>
      <div class="slip-text">
        <h2>${occasion.concert?.title ?? html`<span class="bone" />`}</h2>
        <dl>
          <div><dt>${t("hold.when")}</dt><dd>${when(occasion) ?? html`<span class="bone" />`}</dd></div>
          <div><dt>${t("hold.where")}</dt><dd>${occasion.concert?.venue ?? html`<span class="bone" />`}</dd></div>
          <div><dt>${t("hold.seats")}</dt><dd class="slip-seats">${seatNumbers.map((seat) => html`<b key=${seat}>${seatName(seat, occasion.performance)}</b>`)}</dd></div>
          <div><dt>${t("hold.amount")}</dt><dd>${points(amount)}</dd></div>
        </dl>
        <p class="slip-id">${reservationId}</p>
      </div>
    </section>
  `;
}

/** "C열 20번", once it is known how large the hall is. */
function seatName(seat, performance) {
  const spot = performance && hall(performance.seatsTotal).seats[seat - 1];
  return spot ? t("seats.name", { row: spot.row, seat }) : seat;
}

/** Where it is paid. */
function Till({ reservation, payment, underway, paying, payNow, reload }) {
  const { reservationId, amount, expiresAt } = reservation;
  const balance = useLoaded(balanceNow, [reservationId]);
  const releasing = useAction();
  const [ask, setAsk] = useState(null);
  const short = balance.value === undefined ? 0 : Math.max(0, amount - balance.value);
  // Too few points are told by what is asked for instead.
  const failed = payment?.status === "FAILED" && payment.failure?.code !== "INSUFFICIENT_POINTS" ? payment : null;

  useEffect(() => {
    if (paying.problem || payment?.status === "FAILED") balance.reload();
  }, [paying.problem, payment]);

  const release = () =>
    setAsk({
      title: t("hold.releaseTitle"),
      text: t("hold.releaseText", { seats: reservation.seatNumbers.join(", ") }),
      yes: t("hold.release"),
      act: () =>
        releasing.run(async () => {
          await call("DELETE", `/reservations/${part(reservationId)}`);
          navigate(`/concerts/${part(reservation.concertId)}/dates/${part(reservation.performanceId)}`);
        }),
    });
  const noteworthy = paying.problem?.code === "INSUFFICIENT_POINTS" ? null : paying.problem;

  return html`
    <section class="till panel" aria-labelledby="till-title">
      <h2 id="till-title" class="unseen">${t("hold.pay")}</h2>
      ${underway
        ? html`<p class="locked"><${Icon} name="clock" />${t("hold.locked")}</p>`
        : html`<${Ring} until=${expiresAt} onEnd=${() => setTimeout(reload, 800)} />`}
      <dl class="account">
        <div><dt>${t("hold.amount")}</dt><dd>${points(amount)}</dd></div>
        <div><dt>${t("points.balance")}</dt><dd>${balance.value === undefined ? html`<span class="bone" />` : points(balance.value)}</dd></div>
        <div class="rest ${short ? "lacking" : ""}"><dt>${short ? t("hold.short") : t("hold.after")}</dt><dd>${balance.value === undefined ? html`<span class="bone" />` : points(short || balance.value - amount)}</dd></div>
      </dl>
      <${ProblemNote} problem=${balance.problem} retry=${balance.reload} />
      ${underway && html`<${Steps} payment=${payment} />`}
      ${failed && !underway && html`<${Failure} payment=${failed} />`}
      <${ProblemNote} problem=${noteworthy} retry=${payNow} />
      ${short > 0 && !underway
        ? html`<div class="shortfall">
            <${Note} tone="warn">${t("errors.INSUFFICIENT_POINTS", { required: points(amount), balance: points(balance.value) })}<//>
            <${ChargeForm} key=${short} suggested=${short} label=${t("hold.charge")} done=${() => (paying.clear(), balance.reload())} />
          </div>`
        : html`<${Busy} type="button" class="wide pay" busy=${underway} onClick=${() => !underway && payNow()}>${underway ? t("hold.paying") : t("hold.payNow", { amount: points(amount) })}<//>`}
      ${!underway && html`<p class="center"><${Busy} type="button" class="link" busy=${releasing.busy} onClick=${release}>${t("hold.release")}<//></p>`}
      <${ProblemNote} problem=${releasing.problem} retry=${release} />
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    </section>
  `;
}

/** The countdown, as a ring that empties. */
function Ring({ until, onEnd }) {
  const [, draw] = useState(0);
  const full = useRef(0);
  const left = secondsUntil(until);
  full.current = Math.max(full.current, left > 60 ? Math.ceil(left / 300) * 300 : left);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const share = full.current ? left / full.current : 0;
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

/** The payment's steps: those that happened, and those that are to come. */
function Steps({ payment }) {
  const steps = payment?.steps ?? [];
  const started = new Set(steps.map(({ name }) => plain(name)));
  const undone = payment && (payment.status === "UNDOING" || payment.status === "FAILED");
  const ahead = undone || payment?.status === "COMPLETED" ? [] : PLAN.filter((name) => !started.has(name));
  const known = { usepoints: "usePoints", confirmbooking: "confirmBooking", unlockhold: "unlockHold", refundpoints: "refundPoints" };
  const title = (name) => (known[plain(name)] ? t(`payment.step.${known[plain(name)]}`) : name);
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
function Failure({ payment }) {
  const { failure } = payment;
  return html`
    <${Note} tone="bad" alert title=${t("payment.failed")}>
      <p>${sentence({ code: failure?.code, detail: failure?.detail, body: { ...payment, ...failure } })}</p>
      <p>${failure?.refunded ? t("payment.refunded") : t("payment.nothingTaken")}</p>
    <//>
    <${Steps} payment=${payment} />
  `;
}

/** After the end: what it came to and where to go. */
function Outcome({ reservation, status, payment, problem }) {
  const again = html`<a class="button" href=${href`/concerts/${reservation.concertId}/dates/${reservation.performanceId}`}>${t("reservations.again")}</a>`;
  if (status === "CONFIRMED") {
    return html`
      <section class="outcome panel">
        <${Note} tone="good" title=${t("payment.done")}>${payment?.balance === undefined ? t("hold.enjoy") : t("hold.enjoyBalance", { balance: points(payment.balance) })}<//>
        ${payment && html`<${Steps} payment=${payment} />`}
        <div class="actions"><a class="button" href="#/reservations">${t("nav.reservations")}</a><a class="button quiet" href="#/">${t("nav.concerts")}</a></div>
      </section>
    `;
  }
  return html`
    <section class="outcome panel">
      ${problem && html`<${ProblemNote} problem=${problem} />`}
      ${payment?.status === "FAILED" && html`<${Failure} payment=${payment} />`}
      <${Note} tone="warn">${status === "EXPIRED" ? t("hold.expiredText") : t("hold.releasedText")}<//>
      <div class="actions">${again}<a class="button quiet" href="#/reservations">${t("nav.reservations")}</a></div>
    </section>
  `;
}
