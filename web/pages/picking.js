// Picking seats and having them held: what the map of a small hall and the plan of a large one have in common.

import { html, navigate, useState } from "../vendor/libraries.js";
import { call } from "../api.js";
import { points, span, t } from "../language.js";
import { Busy, Countdown, href, Icon, Note, path, ProblemNote, signInFirst, useAction } from "../parts.js";
import { end, join, places, placeState } from "../places.js";
import { signedIn } from "../session.js";
import { recall, remember } from "../storage.js";

/** Seconds between looks at a map: it shows, the server decides, so this is often enough to be useful. */
export const LOOK_AGAIN_S = 10;

/**
 * The seats that one has picked: {picked, lost, full, toggle, replace, heard, hold, reserve}.
 * @param most    how many there may be
 * @param mine    what one holds or has booked of this date
 * @param reload  asks for the map again
 * @param reloadMine  asks again what one holds
 * @param wish    what else goes with the picked seats
 */
export function usePicking({ concertId, performanceId, most, mine, reload, reloadMine, wish = () => ({}) }) {
  const [picked, setPicked] = useState([]);
  const [lost, setLost] = useState([]);
  const [full, setFull] = useState(false); // one more was wanted than there may be
  const hold = useAction();

  const replace = (seatNumbers) => {
    hold.clear();
    setLost([]);
    setFull(false);
    setPicked(seatNumbers.toSorted((a, b) => a - b));
  };
  const toggle = (seatNumber) => {
    if (picked.includes(seatNumber)) replace(picked.filter((one) => one !== seatNumber));
    else if (picked.length < most) replace([...picked, seatNumber]);
    else setFull(true);
  };
  /**
   * A picked seat that somebody else took meanwhile is dropped, and said so. `free` tells of a seat number, or undefined. Where
   * nobody knows whether one's own hold was made, the seats stay as they are: asking again for them tells.
   */
  const heard = (free) => {
    const gone = picked.filter((seatNumber) => free(seatNumber) === false);
    if (gone.length && !hold.busy && !hold.problem?.transient) {
      const own = new Set((mine ?? []).flatMap(({ seatNumbers }) => seatNumbers));
      setPicked(picked.filter((seatNumber) => !gone.includes(seatNumber)));
      setLost(gone.filter((seatNumber) => !own.has(seatNumber)));
    }
  };
  const reserve = () =>
    hold.run(async () => {
      try {
        // Asking again for seats that one holds already returns the same reservation.
        await holdSeats(concertId, { performanceId, seatNumbers: picked, ...wish(picked) }, { attempts: 3 });
      } catch (problem) {
        if (problem.code === "SEAT_TAKEN") {
          const taken = new Set((problem.body.seats ?? []).map(({ seatNumber }) => seatNumber));
          setPicked((before) => before.filter((seatNumber) => !taken.has(seatNumber)));
          reload();
        }
        if (problem.transient) reloadMine();
        throw problem;
      }
    });
  return { picked, lost, full, toggle, replace, heard, hold, reserve };
}

const split = (reservationId) => `split.${reservationId}`;

/** Were the best seats asked for, and none were side by side? */
export const wasSplit = (reservationId) => recall(split(reservationId), sessionStorage) === true;

/** Has seats held, and goes to pay for them. */
export async function holdSeats(concertId, body, options) {
  try {
    const { body: held } = await call("POST", "/reservations", { body, queueToken: places.value[concertId]?.view.token, ...options });
    if (body.quantity && held.together === false) remember(split(held.reservationId), true, sessionStorage);
    navigate(path`/reservations/${held.reservationId}`);
  } catch (problem) {
    if (problem.code === "QUEUE_TOKEN_EXPIRED" || problem.code === "QUEUE_TOKEN_INVALID") end(concertId, problem.code);
    throw problem;
  }
}

const toQueue = (concertId) => ({ label: t("queue.joinAgain"), href: href`/concerts/${concertId}/queue` });

/** The step that helps after a refusal to hold seats. */
export const afterRefusal = (concertId) => ({
  QUEUE_TOKEN_REQUIRED: toQueue(concertId),
  QUEUE_TOKEN_EXPIRED: toQueue(concertId),
  QUEUE_TOKEN_INVALID: toQueue(concertId),
  QUEUE_TOKEN_NOT_ACTIVE: { label: t("door.back"), href: href`/concerts/${concertId}/queue` },
  SEAT_LIMIT_EXCEEDED: { label: t("nav.reservations"), href: "#/reservations" },
  HELD_TOO_LONG: { label: t("nav.reservations"), href: "#/reservations" },
});

/** What is to be done with the seats, if it is one's turn; otherwise how to come to that. */
export function Gate({ concertId, concert, performanceId, children }) {
  const joining = useAction();
  const state = placeState(places.value[concertId]);
  if (!signedIn.value) return html`<button type="button" class="button wide" onClick=${() => signInFirst()}>${t("door.signIn")}</button>`;
  if (state === "WAITING") return html`<a class="button wide" href=${href`/concerts/${concertId}/queue`}>${t("door.back")}</a>`;
  if (state === "ACTIVE") return children;
  const enter = () =>
    joining.run(async () => {
      const view = await join(concert, performanceId);
      if (view.status !== "ACTIVE") navigate(path`/concerts/${concertId}/queue`);
    });
  return html`
    <${ProblemNote} problem=${joining.problem} retry=${enter} />
    <${Busy} type="button" class="wide" busy=${joining.busy || !concert} onClick=${() => concert && enter()}>${t("door.join")}<//>
  `;
}

/**
 * What one has picked, what it costs, and the button that has it held.
 * @param named   what is known of a seat: seatNumber → {seatNumber, name, note, price}, or nothing yet
 */
export function PickPanel({ concertId, concert, performanceId, picking, named, most, owned, mine, steps, children }) {
  const { picked, lost, full, toggle, hold, reserve } = picking;
  const chosen = picked.map(named).filter(Boolean);
  const nameOf = (seatNumber) => named(seatNumber)?.name ?? seatNumber;
  return html`
    <aside class="pick panel" aria-labelledby="pick-title">
      <${Mine} reservations=${mine} />
      <h2 id="pick-title">${t("seats.picked", { n: picked.length, most })}</h2>
      ${most === 0 ? html`<p class="hint">${t("seats.ownAll", { n: owned })}</p>` : html`<${Picked} chosen=${chosen} toggle=${toggle} most=${most} />`}
      <p class="full" role="status">${full && most > 0 ? t("seats.full", { most }) : ""}</p>
      ${lost.length > 0 && html`<${Note} tone="warn" alert>${t("seats.lost", { seats: lost.map(nameOf).join(", ") })}<//>`}
      <${ProblemNote} problem=${hold.problem} nameOf=${nameOf} retry=${picked.length > 0 && reserve} steps=${{ ...afterRefusal(concertId), ...steps }} />
      ${children}
      ${most > 0 &&
      html`<${Gate} concertId=${concertId} concert=${concert} performanceId=${performanceId}>
        <${Busy} type="button" class="wide" busy=${hold.busy} aria-disabled=${picked.length ? undefined : "true"} onClick=${() => picked.length && reserve()}>
          ${picked.length ? t("seats.hold", { n: picked.length }) : t("seats.pickFirst")}
        <//>
        <p class="hint">${concert?.holdSeconds ? t("seats.holdHint", { span: span(concert.holdSeconds) }) : t("seats.holdHintBare")}</p>
      <//>`}
    </aside>
  `;
}

function Picked({ chosen, toggle, most }) {
  if (!chosen.length) return html`<p class="hint">${t("seats.pickHint", { most })}</p>`;
  const sum = chosen.reduce((total, { price }) => total + price, 0);
  return html`
    <ul class="chips">
      ${chosen.map(
        ({ seatNumber, name, note, price }) => html`<li key=${seatNumber}>
          <span><b>${name}</b> <small>${note ? `${note} · ` : ""}${points(price)}</small></span>
          <button type="button" aria-label=${t("seats.drop", { name })} onClick=${() => toggle(seatNumber)}><${Icon} name="cross" /></button>
        </li>`,
      )}
    </ul>
    <p class="sum"><span>${t("seats.sum")}</span><b>${points(sum)}</b></p>
  `;
}

function Mine({ reservations }) {
  const open = reservations?.filter(({ status }) => status === "HELD");
  if (!open?.length) return null;
  return open.map(
    ({ reservationId, seatNumbers, expiresAt }) => html`
      <a class="mine" key=${reservationId} href=${href`/reservations/${reservationId}`}>
        <span>${t("seats.mine", { n: seatNumbers.length })}</span><${Countdown} until=${expiresAt} label=${t("hold.left")} /><${Icon} name="next" />
      </a>
    `,
  );
}
