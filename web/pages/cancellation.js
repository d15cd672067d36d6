// Giving seats back: on which terms, for which sum, and what came of it.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { cancel, quoteOf, seatsLeft, unanswered } from "../cancelling.js";
import { number, points, t } from "../language.js";
import { Busy, Confirm, Icon, Loading, Note, ProblemNote, useAction, useLoaded, useSecondsLeft } from "../parts.js";
import { seatNames } from "../seatnames.js";

/** The steps of a concert's fees, as a table that one reads before buying. */
export function Terms({ terms }) {
  if (!terms) return null;
  const { steps, freeHours, freeDaysBefore } = terms;
  if (!steps.length) return html`<p class="terms">${t("cancelling.never")}</p>`;
  return html`
    <details class="terms">
      <summary>${t("cancelling.terms")}</summary>
      <table>
        <thead><tr><th scope="col">${t("cancelling.when")}</th><th scope="col">${t("cancelling.kept")}</th></tr></thead>
        <tbody>
          ${steps.map(
            ({ daysBefore, keepPercent }, index) => html`
              <tr key=${daysBefore}>
                <th scope="row">${span(daysBefore, steps[index - 1]?.daysBefore)}</th>
                <td>${keepPercent === 0 ? t("cancelling.nothing") : t("cancelling.percent", { n: keepPercent })}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
      ${freeHours > 0 && html`<p>${t("cancelling.free", { hours: number(freeHours), n: freeDaysBefore })}</p>`}
      <p class="quiet-text">${t("cancelling.days")}</p>
    </details>
  `;
}

function span(from, above) {
  if (from === 0) return t("cancelling.onTheDay");
  if (above === undefined) return t("cancelling.orMore", { n: from });
  return above - 1 === from ? t("cancelling.exactly", { n: from }) : t("cancelling.between", { from: number(from), to: number(above - 1) });
}

/** For a booking: choose seats, see the sum, agree to it. */
export function Cancellation({ reservation, performance, done }) {
  const { reservationId } = reservation;
  const left = seatsLeft(reservation);
  const names = seatNames({ ...reservation, seatNumbers: left }, performance);
  const pending = unanswered(reservationId);
  const [open, setOpen] = useState(pending !== null);
  const [picked, setPicked] = useState(pending?.seatNumbers ?? left);
  const [made, setMade] = useState(null);
  const [changed, setChanged] = useState(false);
  const [ask, setAsk] = useState(null);
  const cancelling = useAction();
  const chosen = left.filter((seat) => picked.includes(seat));
  // What was agreed to before a reload is on its way, and needs no quote.
  const quote = useLoaded(async () => (open && chosen.length && !unanswered(reservationId) ? quoteOf(reservationId, chosen) : null), [open, chosen.join()]);
  const fresh = quote.value?.seatNumbers.join() === chosen.join() ? quote.value : null;
  useSecondsLeft(fresh?.validUntil, quote.reload);
  const heading = useRef(null);
  useEffect(() => {
    if (open && !pending) heading.current?.focus();
  }, [open]);

  const go = (agreed) =>
    cancelling.run(async () => {
      setChanged(false);
      try {
        setMade(null);
        await cancel(reservationId, agreed, setMade);
        setOpen(false);
        await done();
      } catch (problem) {
        if (problem.code === "QUOTE_CHANGED") {
          setChanged(true);
          await quote.reload();
          return;
        }
        if (["NOT_CANCELLABLE", "PERFORMANCE_CANCELLED"].includes(problem.code)) await done();
        else if (!problem.transient) quote.reload();
        throw problem;
      }
    });
  useEffect(() => {
    if (pending) go(pending); // agreed to before a reload: the same attempt, to its end
  }, []);

  const again = unanswered(reservationId) ?? (fresh && { seatNumbers: fresh.seatNumbers, expectedRefund: fresh.refund });
  const told = made && html`<${Made} made=${made} />`;
  if (!left.length) return told;
  if (!open) {
    return html`
      ${told}
      <${ProblemNote} problem=${cancelling.problem} />
      <p class="center"><button type="button" class="link" onClick=${() => (setPicked(left), setOpen(true))}>${t("cancelling.open")}</button></p>
    `;
  }
  const toggle = (seat) => setPicked((before) => (before.includes(seat) ? before.filter((each) => each !== seat) : [...before, seat]));
  const agree = () =>
    setAsk({
      title: t("cancelling.sure", { n: chosen.length }),
      text: t("cancelling.sureText", { refund: points(fresh.refund) }),
      yes: t("cancelling.yes"),
      act: () => go({ seatNumbers: fresh.seatNumbers, expectedRefund: fresh.refund }),
    });
  return html`
    <section class="cancellation" aria-labelledby="cancel-title">
      <h2 id="cancel-title" ref=${heading} tabindex="-1">${t("cancelling.title")}</h2>
      <fieldset class="cancel-seats">
        <legend>${t("cancelling.which")}</legend>
        ${left.map(
          (seat, index) => html`
            <label key=${seat}><input type="checkbox" checked=${picked.includes(seat)} disabled=${cancelling.busy} onChange=${() => toggle(seat)} /><span>${names[index]}</span></label>
          `,
        )}
      </fieldset>
      ${changed && html`<${Note} tone="warn" alert>${t("errors.QUOTE_CHANGED")}<//>`}
      ${chosen.length === 0 ? html`<p class="hint">${t("cancelling.pick")}</p>` : !fresh && !quote.problem ? html`<${Loading} lines=${3} />` : null}
      ${chosen.length > 0 && html`<${Refused} problem=${quote.problem} retry=${quote.reload} />`}
      ${fresh && !quote.problem && html`<${Sum} quote=${fresh} />`}
      <${Refused} problem=${cancelling.problem} retry=${again && (() => go(again))} />
      ${told}
      <div class="actions">
        <button type="button" class="button quiet" onClick=${() => setOpen(false)}>${t("cancelling.keep")}</button>
        <${Busy} type="button" class="danger" busy=${cancelling.busy} aria-disabled=${!fresh || cancelling.busy ? "true" : undefined} onClick=${() => fresh && !cancelling.busy && agree()}>
          ${fresh ? t("cancelling.agree", { refund: points(fresh.refund) }) : t("cancelling.title")}
        <//>
      </div>
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    </section>
  `;
}

/** A refusal that says which reason stands against it. */
export function Refused({ problem, retry }) {
  if (problem?.code !== "NOT_CANCELLABLE") return html`<${ProblemNote} problem=${problem} retry=${retry} />`;
  const reason = ["NOT_PAID", "STARTED", "CANCELLED", "CHECKED_IN", "POLICY"].includes(problem.body.reason) ? problem.body.reason : "OTHER";
  return html`<${Note} tone="bad" alert>${t(`cancelling.reason.${reason}`)}<//>`;
}

const RULES = { WITHIN_24_HOURS: "cancelling.rule.soon", MOVED: "cancelling.rule.moved" };

function Sum({ quote }) {
  const { paid, fee, refund, keepPercent, rule } = quote;
  const why = RULES[rule] ? t(RULES[rule]) : keepPercent === 0 ? t("cancelling.rule.early") : t("cancelling.rule.step", { n: keepPercent });
  return html`
    <dl class="account" aria-live="polite">
      <div><dt>${t("cancelling.paid")}</dt><dd>${points(paid)}</dd></div>
      <div><dt>${t("cancelling.fee")}</dt><dd>${points(fee)}</dd></div>
      <div class="rest"><dt>${t("cancelling.back")}</dt><dd>${points(refund)}</dd></div>
    </dl>
    <p class="hint">${why}</p>
  `;
}

/** What came of it: the points are back, or on their way. */
function Made({ made }) {
  const values = { refund: points(made.refund), balance: made.balance === undefined ? "" : points(made.balance) };
  if (made.status !== "COMPLETED") return html`<${Note} tone="warn" live title=${t("cancelling.freed")}>${t("cancelling.coming", values)}<//>`;
  return html`<${Note} tone="good" live title=${t("cancelling.freed")}>${made.balance === undefined ? t("cancelling.done", values) : t("cancelling.doneBalance", values)}<//>`;
}

/** A booking of which nothing is left. */
export function CancelledBooking({ reservation }) {
  const refund = points(reservation.refunded ?? 0);
  const calledOff = reservation.cancelledBy === "ORGANISER";
  return html`<${Note} tone=${calledOff ? "warn" : "info"} live title=${calledOff ? t("cancelling.calledOff") : undefined}>
    <${Icon} name="again" /> ${t(calledOff ? (reservation.paymentId ? "cancelling.calledOffText" : "cancelling.calledOffHeldText") : "cancelling.overText", { refund })}
  <//>`;
}
