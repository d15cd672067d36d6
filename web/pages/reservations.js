// My reservations: what is held, what is mine, what is over; each with what to do next.

import { html, useEffect, useMemo, useState } from "../vendor/libraries.js";
import { page } from "../api.js";
import { concert as concertOf, performancesOf, sectionsOf } from "../catalog.js";
import { dayAndTime, points, t, told } from "../language.js";
import { Busy, Countdown, href, Icon, Loading, Note, Page, ProblemNote, signInFirst, useAction } from "../parts.js";
import { Poster } from "../poster.js";
import { seatNames } from "../seatnames.js";
import { session, signedIn } from "../session.js";
import { keptBooking, keptBookings } from "../tickets.js";

export function Reservations() {
  if (!signedIn.value) {
    return html`<${Page} class="narrow" title=${t("reservations.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
    <//>`;
  }
  return html`<${Mine} key=${session.value.sub} />`;
}

const WEIGHT = { HELD: 0, CONFIRMED: 1 };

function Mine() {
  const [shown, setShown] = useState({ items: null, nextCursor: null });
  const { busy, problem, run } = useAction();
  const load = (cursor) =>
    run(async () => {
      const next = await page("/reservations", cursor);
      setShown((before) => ({ items: [...(cursor ? before.items : []), ...next.items], nextCursor: next.nextCursor }));
    });
  useEffect(() => void load(null), []);
  const items = shown.items ?? (problem?.transient ? keptBookings().map(({ reservation }) => reservation) : null);
  const sorted = items?.toSorted((a, b) => (WEIGHT[a.status] ?? 2) - (WEIGHT[b.status] ?? 2));
  return html`
    <${Page} class="reservations" title=${t("reservations.title")}>
      ${!items && !problem && html`<${Loading} lines=${5} />`}
      ${shown.items?.length === 0 && html`<div class="empty"><p>${t("reservations.none")}</p><p><a class="button" href="#/">${t("nav.concerts")}</a></p></div>`}
      <ul class="tickets">
        ${sorted?.map((reservation) => html`<li key=${reservation.reservationId}><${Ticket} reservation=${reservation} ended=${() => load(null)} /></li>`)}
      </ul>
      <${ProblemNote} problem=${problem} retry=${() => load(null)} />
      ${shown.nextCursor && html`<p class="more"><${Busy} type="button" class="quiet" busy=${busy} onClick=${() => load(shown.nextCursor)}>${t("more")}<//></p>`}
    <//>
  `;
}

/** Title and date of a reservation, fetched once per concert or kept with its tickets; with the hall's sections, where it has rows. */
export function useOccasion({ concertId, performanceId, reservationId }) {
  const kept = useMemo(() => reservationId && keptBooking(reservationId), [reservationId]);
  const [occasion, setOccasion] = useState({});
  useEffect(() => {
    let here = true;
    if (concertId) {
      concertOf(concertId).then((concert) => here && setOccasion((before) => ({ ...before, concert })), () => {});
      performancesOf(concertId)
        .then(async (all) => {
          const performance = all.find((one) => one.performanceId === performanceId);
          if (here) setOccasion((before) => ({ ...before, performance }));
          if (!performance?.hallVersion) return;
          const { sections } = await sectionsOf(performanceId);
          if (here) setOccasion((before) => ({ ...before, performance: { ...performance, sections } }));
        })
        .catch(() => {});
    }
    return () => void (here = false);
  }, [concertId, performanceId]);
  return { concert: occasion.concert ?? kept?.concert, performance: occasion.performance ?? kept?.performance };
}

/** A date's own venue, as on a tour; the concert's otherwise. */
export const where = ({ concert, performance }) => told(performance, "venue") ?? (performance && told(concert, "venue"));

export const when = ({ performance }) => performance && dayAndTime(performance.startsAt, performance.timezone);

const SIGNS = { HELD: "clock", CONFIRMED: "check", EXPIRED: "cross", RELEASED: "cross", CANCELLED: "again" };

export const Status = ({ status }) => html`<span class="tag status-${status.toLowerCase()}"><${Icon} name=${SIGNS[status] ?? "info"} />${t(`reservations.status.${SIGNS[status] ? status : "OTHER"}`)}</span>`;

function Ticket({ reservation, ended }) {
  const { reservationId, concertId, performanceId, amount, status, expiresAt } = reservation;
  const occasion = useOccasion(reservation);
  return html`
    <div class="ticket ${status.toLowerCase()}">
      <${Poster} id=${concertId} />
      <div class="ticket-text">
        <${Status} status=${status} />
        <h2><a href=${href`/reservations/${reservationId}`}>${told(occasion.concert, "title") ?? html`<span class="bone" />`}</a></h2>
        <p>${when(occasion) ?? html`<span class="bone" />`}</p>
        <p>${where(occasion) ?? html`<span class="bone" />`}</p>
        <p>${seatNames(reservation, occasion.performance).join(", ")} · ${points(amount)}</p>
      </div>
      <div class="ticket-stub">
        ${status === "HELD" &&
        html`<${Countdown} until=${expiresAt} label=${t("hold.left")} onEnd=${() => setTimeout(ended, 1000)} /><a class="button" href=${href`/reservations/${reservationId}`}>${t("reservations.pay")}</a>`}
        ${status === "CONFIRMED" && html`<a class="button quiet" href=${href`/reservations/${reservationId}`}>${t("reservations.show")}</a>`}
        ${status !== "HELD" && status !== "CONFIRMED" && html`<a class="button quiet" href=${href`/concerts/${concertId}/dates/${performanceId}`}>${t("reservations.again")}</a>`}
      </div>
    </div>
  `;
}
