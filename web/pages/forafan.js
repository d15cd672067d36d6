// Cancelling one booking on a fan's behalf: which seats, for which sum, and why.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { cancel, quoteOf, seatsLeft, unanswered } from "../cancelling.js";
import { points, t } from "../language.js";
import { nameOf } from "../organising.js";
import { Busy, Loading, Note, useAction, useLoaded } from "../parts.js";
import { seatNames } from "../seatnames.js";
import { Refused } from "./cancellation.js";

const LONGEST = 200; // characters of a reason, by the contract

/** A dialog over the page; `booking` is null while there is none. */
export function ForAFan({ booking, performance, close, done }) {
  const box = useRef(null);
  useEffect(() => {
    if (booking && !box.current.open) box.current.showModal();
    if (!booking && box.current.open) box.current.close();
  }, [booking]);
  return html`
    <dialog ref=${box} class="confirm for-a-fan" aria-labelledby="for-a-fan-title" onClose=${close}>
      ${booking && html`<${Form} key=${booking.reservationId} booking=${booking} performance=${performance} close=${close} done=${done} />`}
    </dialog>
  `;
}

function Form({ booking, performance, close, done }) {
  const { reservationId, userId } = booking;
  const name = nameOf(booking);
  const left = seatsLeft(booking);
  const names = seatNames({ ...booking, seatNumbers: left }, performance);
  const pending = unanswered(reservationId, userId); // an answer that was lost: the same again is the same cancellation
  const [picked, setPicked] = useState(pending?.seatNumbers ?? left);
  const [reason, setReason] = useState(pending?.reason ?? "");
  const [made, setMade] = useState(null);
  const [hasChanged, setHasChanged] = useState(false);
  const cancelling = useAction();
  const chosen = left.filter((seat) => picked.includes(seat));
  const quote = useLoaded(async () => (chosen.length ? quoteOf(reservationId, chosen, userId) : null), [chosen.join()]);
  const fresh = quote.value?.seatNumbers.join() === chosen.join() ? quote.value : null;
  const why = reason.trim();
  const isReady = fresh && why && why.length <= LONGEST && !made;
  const go = () =>
    cancelling.run(async () => {
      setHasChanged(false);
      try {
        await cancel(reservationId, { userId, seatNumbers: fresh.seatNumbers, expectedRefund: fresh.refund, reason: why }, setMade);
      } catch (problem) {
        if (problem.code !== "QUOTE_CHANGED") throw problem;
        setHasChanged(true);
        await quote.reload();
      }
    });
  const submit = (event) => {
    event.preventDefault();
    if (isReady) go();
  };
  const toggle = (seat) => setPicked((before) => (before.includes(seat) ? before.filter((each) => each !== seat) : [...before, seat]));
  if (made && !cancelling.busy) {
    return html`
      <h2 id="for-a-fan-title">${t("cancelling.freed")}</h2>
      <${Note} tone=${made.status === "COMPLETED" ? "good" : "warn"} live>${t(made.status === "COMPLETED" ? "board.forafan.done" : "board.forafan.coming", { name, refund: points(made.refund) })}<//>
      <div class="actions"><button type="button" class="button" onClick=${() => (close(), done())}>${t("board.forafan.close")}</button></div>
    `;
  }
  return html`
    <form class="form" onSubmit=${submit} novalidate>
      <h2 id="for-a-fan-title">${t("board.forafan.title", { name })}</h2>
      <fieldset class="cancel-seats">
        <legend>${t("cancelling.which")}</legend>
        ${left.map((seat, index) => html`<label key=${seat}><input type="checkbox" checked=${picked.includes(seat)} disabled=${cancelling.busy} onChange=${() => toggle(seat)} /><span>${names[index]}</span></label>`)}
      </fieldset>
      ${hasChanged && html`<${Note} tone="warn" alert>${t("errors.QUOTE_CHANGED")}<//>`}
      ${chosen.length === 0 ? html`<p class="hint">${t("cancelling.pick")}</p>` : !fresh && !quote.problem ? html`<${Loading} lines=${3} />` : null}
      ${chosen.length > 0 && html`<${Refused} problem=${quote.problem} retry=${quote.reload} />`}
      ${fresh &&
      !quote.problem &&
      html`<dl class="account" aria-live="polite">
        <div><dt>${t("board.forafan.paid")}</dt><dd>${points(fresh.paid)}</dd></div>
        <div><dt>${t("cancelling.fee")}</dt><dd>${points(fresh.fee)}</dd></div>
        <div class="rest"><dt>${t("board.forafan.back")}</dt><dd>${points(fresh.refund)}</dd></div>
      </dl>`}
      <div class="field">
        <label for="reason">${t("board.forafan.reason")}</label>
        <input id="reason" autocomplete="off" maxlength=${LONGEST} value=${reason} aria-describedby="reason-hint" onInput=${({ target }) => setReason(target.value)} />
        <p id="reason-hint" class="hint">${t("board.forafan.reasonHint")}</p>
      </div>
      <${Refused} problem=${cancelling.problem} retry=${go} />
      <div class="actions">
        <button type="button" class="button quiet" onClick=${close}>${t("cancelling.keep")}</button>
        <${Busy} type="submit" class="danger" busy=${cancelling.busy} aria-disabled=${isReady && !cancelling.busy ? undefined : "true"}>${fresh ? t("board.forafan.agree", { refund: points(fresh.refund) }) : t("cancelling.title")}<//>
      </div>
    </form>
  `;
}
