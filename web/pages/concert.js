// One concert: its poster, its queue, its dates.

import { html, navigate, useEffect, useState } from "../vendor/libraries.js";
import { concertNow, performancesNow, salesPhase } from "../catalog.js";
import { clockIsKnown, serverNow } from "../clock.js";
import { day, dayAndTime, number, points, roughly, t, time } from "../language.js";
import { Busy, href, Icon, Loading, Page, path, ProblemNote, signInFirst, useAction, useLoaded } from "../parts.js";
import { join, places, placeState, want } from "../places.js";
import { Poster } from "../poster.js";
import { signedIn } from "../session.js";
import { PhaseTag } from "./concerts.js";

export function Concert({ concertId }) {
  const loaded = useLoaded(() => concertNow(concertId), [concertId]);
  const dates = useLoaded(() => performancesNow(concertId), [concertId]);
  const concert = loaded.value;

  if (loaded.problem && !concert) {
    return html`<${Page} title=${t("concert.missing")}><${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} /><//>`;
  }
  return html`
    <${Page} class="concert" title=${concert?.title} before=${html`<${Poster} id=${concertId} wide class="banner" />`}
      lead=${concert && html`<span class="artist">${concert.artist}</span>`}>
      ${!concert
        ? html`<${Loading} lines=${5} />`
        : html`
            <div class="facts">
              <${PhaseTag} concert=${concert} />
              <span><${Icon} name="pin" />${concert.venue}</span>
              ${concert.salesCloseAt && html`<span><${Icon} name="calendar" />${t("phase.until", { when: dayAndTime(concert.salesCloseAt) })}</span>`}
            </div>
            ${concert.description && html`<p class="description">${concert.description}</p>`}
            <${Door} concert=${concert} dates=${dates.value} />
          `}
      <section aria-labelledby="dates">
        <h2 id="dates">${t("concert.dates")}</h2>
        ${dates.problem?.code === "NO_PERFORMANCES" && html`<p class="empty">${t("concert.noDates")}</p>`}
        ${dates.problem && dates.problem.code !== "NO_PERFORMANCES" && html`<${ProblemNote} problem=${dates.problem} retry=${dates.reload} />`}
        ${!dates.problem && !dates.value && html`<${Loading} lines=${3} />`}
        ${dates.value?.length === 0 && html`<p class="empty">${t("concert.noDates")}</p>`}
        <ul class="dates">
          ${dates.value?.map((performance) => html`<li key=${performance.performanceId}><${DateRow} concertId=${concertId} performance=${performance} /></li>`)}
        </ul>
      </section>
    <//>
  `;
}

function DateRow({ concertId, performance }) {
  const { performanceId, startsAt, timezone, price, seatsTotal, seatsAvailable, bookable } = performance;
  const soldOut = seatsAvailable === 0;
  return html`
    <a class="date ${bookable ? "" : "shut"}" href=${href`/concerts/${concertId}/dates/${performanceId}`}>
      <span class="date-when"><b>${day(startsAt, timezone)}</b><span>${time(startsAt, timezone)}</span></span>
      <span class="date-left">
        <${Gauge} left=${seatsAvailable} total=${seatsTotal} />
        <span>${soldOut ? t("concert.soldOut") : t("concert.left", { n: seatsAvailable, total: seatsTotal })}</span>
      </span>
      <span class="date-price">${points(price)}</span>
      <span class="date-go">${soldOut || bookable ? "" : html`<span class="quiet-text">${t("concert.notBookable")}</span>`}<${Icon} name="next" /></span>
    </a>
  `;
}

/** How full a date is. The number stands beside it. */
const Gauge = ({ left, total }) => html`<span class="gauge" aria-hidden="true"><span style=${{ width: `${total ? (100 * left) / total : 0}%` }} /></span>`;

/** The door: how busy it is, and the way in. */
function Door({ concert, dates }) {
  const { concertId, queue } = concert;
  const { busy, problem, run } = useAction();
  const [, draw] = useState(0);
  const place = places.value[concertId];
  const state = placeState(place);
  const phase = dates?.some(({ bookable }) => bookable) ? "open" : salesPhase(concert, serverNow());
  const sure = phase !== "soon" || clockIsKnown(); // only the server's clock may keep the door shut
  const wanted = place?.wanted ?? dates?.find(({ bookable }) => bookable)?.performanceId;

  useEffect(() => {
    // The button opens by itself when sales do.
    const wait = Date.parse(concert.salesOpenAt) - serverNow();
    if (!(wait > 0 && wait < 2 ** 31)) return undefined;
    const timer = setTimeout(() => draw((count) => count + 1), wait + 50);
    return () => clearTimeout(timer);
  }, [concert]);

  const enter = () =>
    run(async () => {
      const view = await join(concert, wanted);
      navigate(view.status === "ACTIVE" && wanted ? path`/concerts/${concertId}/dates/${wanted}` : path`/concerts/${concertId}/queue`);
    });

  const opens = html`<p class="door-soon">${t("door.opens", { when: dayAndTime(concert.salesOpenAt), span: roughly((Date.parse(concert.salesOpenAt) - serverNow()) / 1000) })}</p>`;
  let action;
  if (state === "ACTIVE" && wanted) {
    action = html`<a class="button" href=${href`/concerts/${concertId}/dates/${wanted}`} onClick=${() => want(concertId, wanted)}>${t("door.seats")}</a>`;
  } else if (state === "WAITING") {
    action = html`<a class="button" href=${href`/concerts/${concertId}/queue`}>${t("door.back")}</a>`;
  } else if (phase === "soon" && sure) {
    action = opens;
  } else if (phase === "closed") {
    action = html`<p class="door-soon">${t("errors.SALES_CLOSED")}</p>`;
  } else if (!signedIn.value) {
    action = html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("door.signIn")}</button>`;
  } else {
    action = html`${!sure && opens}<${Busy} type="button" busy=${busy} onClick=${enter}>${t("door.join")}<//>`;
  }
  return html`
    <section class="door panel" aria-labelledby="door-title">
      <div>
        <h2 id="door-title">${t("door.title")}</h2>
        <dl class="counts">
          <div><dt>${t("door.waiting")}</dt><dd>${number(queue?.waiting ?? 0)}</dd></div>
          <div><dt>${t("door.inside")}</dt><dd>${number(queue?.active ?? 0)}<small> / ${number(queue?.capacity ?? 0)}</small></dd></div>
        </dl>
      </div>
      <div class="door-act">${action}</div>
      ${problem && html`<${ProblemNote} problem=${problem} retry=${enter} />`}
      ${!problem && state !== "ACTIVE" && state !== "WAITING" && phase === "open" && html`<p class="hint">${t("door.hint")}</p>`}
    </section>
  `;
}
