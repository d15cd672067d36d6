// One reservation: while it is held, the till at which it is paid; afterwards, the ticket.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { call, part } from "../api.js";
import { follow, hasEnded, isUnanswered, pay } from "../checkout.js";
import { secondsUntil } from "../clock.js";
import { points, t, told } from "../language.js";
import { href, Icon, Loading, Note, Page, ProblemNote, signInFirst, useAction, useLoaded } from "../parts.js";
import { Cancellation, CancelledBooking, Terms } from "./cancellation.js";
import { endByPaying } from "../places.js";
import { Poster } from "../poster.js";
import { seatNames } from "../seatnames.js";
import { session, signedIn } from "../session.js";
import { keptBooking } from "../tickets.js";
import { Status, useOccasion, when, where } from "./reservations.js";
import { Tickets } from "./tickets.js";
import { Failure, Steps, Till } from "./till.js";

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
  const kept = keptBooking(reservationId); // shown until the server has answered, which at a door may be never
  const reservation = loaded.value ?? kept?.reservation;
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
      setPayment(null);
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
    if (!loaded.value || payment || paying.busy) return;
    if (reservation.status === "HELD" && isUnanswered(reservationId)) payNow();
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
  }, [loaded.value]);

  if (loaded.problem && !reservation) {
    return html`<${Page} class="narrow" title=${t("hold.title")}><${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} /><//>`;
  }
  if (!reservation) return html`<${Page} class="counter" title=${t("hold.title")}><${Loading} lines=${6} /><//>`;

  const unsure = isUnanswered(reservationId); // then only the server can say what became of the seats
  const underway = paying.busy || (payment && !hasEnded(payment));
  const lapsed = reservation.status === "HELD" && !underway && !unsure && secondsUntil(reservation.expiresAt) === 0;
  const status = lapsed ? "EXPIRED" : reservation.status;
  const headings = { HELD: t("hold.title"), CONFIRMED: t("hold.paidTitle"), EXPIRED: t("hold.expiredTitle"), RELEASED: t("hold.releasedTitle"), CANCELLED: t("cancelling.overTitle") };
  return html`
    <${Page} class="counter ${status.toLowerCase()}" title=${headings[status] ?? t("hold.title")} turn=${status} lead=${status === "CONFIRMED" ? t("hold.paidLead") : undefined}
      before=${html`<a class="up" href="#/reservations"><${Icon} name="back" />${t("nav.reservations")}</a>`}>
      ${["CONFIRMED", "CANCELLED"].includes(status) && html`<${Tickets} reservation=${reservation} occasion=${occasion} reload=${loaded.reload} />`}
      <div class="counter-grid">
        <div><${Slip} reservation=${reservation} status=${status} occasion=${occasion} />${["HELD", "CONFIRMED"].includes(status) && html`<${Terms} terms=${occasion.concert?.cancellation} />`}</div>
        ${status === "HELD"
          ? html`<${Till} reservation=${reservation} payment=${payment} paying=${paying} unsure=${unsure} payNow=${payNow} reload=${loaded.reload} />`
          : html`<${Outcome} reservation=${reservation} status=${status} payment=${payment} problem=${paying.problem} performance=${occasion.performance} reload=${loaded.reload} />`}
      </div>
    <//>
  `;
}

/** The ticket. */
function Slip({ reservation, status, occasion }) {
  const { concertId, amount, reservationId } = reservation;
  const bone = html`<span class="bone" />`;
  return html`
    <section class="slip" aria-label=${t("hold.slip")}>
      <div class="slip-art"><${Poster} id=${concertId} wide /><${Status} status=${status} /></div>
      <div class="slip-text">
        <h2>${told(occasion.concert, "title") ?? bone}</h2>
        <dl>
          <div><dt>${t("hold.when")}</dt><dd>${when(occasion) ?? bone}</dd></div>
          <div><dt>${t("hold.where")}</dt><dd>${where(occasion) ?? bone}</dd></div>
          <div><dt>${t("hold.seats")}</dt><dd class="slip-seats">${seatNames(reservation, occasion.performance).map((seat, index) => (reservation.cancelledSeatNumbers?.includes(reservation.seatNumbers[index]) ? html`<s key=${seat}>${seat}</s>` : html`<b key=${seat}>${seat}</b>`))}</dd></div>
          <div><dt>${t("hold.amount")}</dt><dd>${points(amount)}</dd></div>
        </dl>
        <p class="slip-id">${reservationId}</p>
      </div>
    </section>
  `;
}

/** After the end: what it came to and where to go. */
function Outcome({ reservation, status, payment, problem, performance, reload }) {
  const again = html`<a class="button" href=${href`/concerts/${reservation.concertId}/dates/${reservation.performanceId}`}>${t("reservations.again")}</a>`;
  if (status === "CONFIRMED") {
    return html`
      <section class="outcome panel">
        <${Note} tone="good" live title=${t("payment.done")}>${payment?.balance === undefined ? t("hold.enjoy") : t("hold.enjoyBalance", { balance: points(payment.balance) })}<//>
        ${payment && html`<${Steps} payment=${payment} />`}
        ${reservation.cancelledSeatNumbers?.length > 0 && html`<p class="hint">${t("cancelling.partly", { refund: points(reservation.refunded) })}</p>`}
        <div class="actions"><a class="button" href="#/reservations">${t("nav.reservations")}</a><a class="button quiet" href="#/">${t("nav.concerts")}</a></div>
        <${Cancellation} reservation=${reservation} performance=${performance} done=${reload} />
      </section>
    `;
  }
  if (status === "CANCELLED") {
    return html`
      <section class="outcome panel">
        <${CancelledBooking} reservation=${reservation} />
        <div class="actions"><a class="button" href="#/points">${t("nav.points")}</a><a class="button quiet" href="#/reservations">${t("nav.reservations")}</a></div>
      </section>
    `;
  }
  return html`
    <section class="outcome panel">
      ${problem && html`<${ProblemNote} problem=${problem} />`}
      ${payment?.status === "FAILED" && html`<${Failure} payment=${payment} />`}
      <${Note} tone="warn" live>${status === "EXPIRED" ? t("hold.expiredText") : t("hold.releasedText")}<//>
      <div class="actions">${again}<a class="button quiet" href="#/reservations">${t("nav.reservations")}</a></div>
    </section>
  `;
}
