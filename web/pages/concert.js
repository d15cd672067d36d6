// One concert: its poster, its queue, its dates.

import { html, navigate, useEffect, useState } from "../vendor/libraries.js";
import { concertNow, drawOf, performancesNow, phaseOf } from "../catalog.js";
import { clockIsKnown, serverNow } from "../clock.js";
import { day, dayAndTime, number, points, roughly, t, time, told } from "../language.js";
import { useLive } from "../live.js";
import { Busy, Countdown, href, Icon, Loading, Page, path, ProblemNote, signInFirst, useAction, useLoaded } from "../parts.js";
import { isKept, join, places, placeState, want } from "../places.js";
import { Poster } from "../poster.js";
import { signedIn } from "../session.js";
import { Terms } from "./cancellation.js";
import { PhaseTag } from "./concerts.js";

export function Concert({ concertId }) {
  const loaded = useLoaded(() => concertNow(concertId), [concertId]);
  const dates = useLoaded(() => performancesNow(concertId), [concertId]);
  const concert = loaded.value;

  if (loaded.problem && !concert) {
    return html`<${Page} title=${t("concert.missing")}><${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} /><//>`;
  }
  return html`
    <${Page} class="concert" title=${told(concert, "title")} before=${html`<${Poster} id=${concertId} wide class="banner" />`}
      lead=${concert && html`<span class="artist">${told(concert, "artist")}</span>`}>
      ${!concert
        ? html`<${Loading} lines=${5} />`
        : html`
            <div class="facts">
              <${PhaseTag} concert=${concert} />
              <span><${Icon} name="pin" />${told(concert, "venue")}</span>
              ${concert.salesCloseAt && html`<span><${Icon} name="calendar" />${t("phase.until", { when: dayAndTime(concert.salesCloseAt) })}</span>`}
            </div>
            <${Door} concert=${concert} dates=${dates.value} reload=${() => (loaded.reload(), dates.reload())} />
            <${Terms} terms=${concert.cancellation} />
            ${told(concert, "description") && html`<p class="description">${told(concert, "description")}</p>`}
          `}
      <section aria-labelledby="dates">
        <h2 id="dates">${t("concert.dates")}</h2>
        ${dates.problem?.code === "NO_PERFORMANCES" && html`<p class="empty">${t("concert.noDates")}</p>`}
        ${dates.problem && dates.problem.code !== "NO_PERFORMANCES" && html`<${ProblemNote} problem=${dates.problem} retry=${dates.reload} />`}
        ${!dates.problem && !dates.value && html`<${Loading} lines=${3} />`}
        ${dates.value?.length === 0 && html`<p class="empty">${t("concert.noDates")}</p>`}
        <ul class="dates">
          ${dates.value?.map((performance) => html`<li key=${performance.performanceId}><${DateRow} concert=${concert} concertId=${concertId} performance=${performance} /></li>`)}
        </ul>
      </section>
    <//>
  `;
}

function DateRow({ concert, concertId, performance }) {
  const { performanceId, startsAt, timezone, price, seatsTotal, seatsAvailable, bookable } = performance;
  const soldOut = seatsAvailable === 0;
  const elsewhere = concert && performance.venue && performance.venue !== concert.venue; // as on a tour
  return html`
    <a class="date ${bookable ? "" : "shut"}" href=${href`/concerts/${concertId}/dates/${performanceId}`}>
      <span class="date-when"><b>${day(startsAt, timezone)}</b><span>${time(startsAt, timezone)}</span>
        ${elsewhere && html`<span class="date-venue"><${Icon} name="pin" />${told(performance, "venue")}</span>`}</span>
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

const DAY_S = 86_400;

/** The door: how busy it is, and the way in. */
function Door({ concert, dates, reload }) {
  const { concertId, queue } = concert;
  const { busy, problem, run } = useAction();
  const [, draw] = useState(0);
  const place = places.value[concertId];
  const state = placeState(place);
  const lobby = useLobby(concert);
  const phase = doorPhase(concert, dates);
  const untilOpen = (Date.parse(concert.salesOpenAt) - serverNow()) / 1000;
  // Only the server's clock keeps the door shut to the second; the device's own is not that far off.
  const shut = phase === "soon" && (clockIsKnown() || untilOpen > DAY_S);
  const wanted = place?.wanted ?? dates?.find(({ bookable }) => bookable)?.performanceId;
  const opened = () => (draw((count) => count + 1), reload());

  const enter = () =>
    run(async () => {
      await import("../calling.js").then(({ prepareCall }) => prepareCall(), () => {}); // a courtesy: without it one queues all the same
      const view = await join(concert, wanted);
      navigate(view.status === "ACTIVE" && wanted ? path`/concerts/${concertId}/dates/${wanted}` : path`/concerts/${concertId}/queue`);
    });

  const opens = phase === "soon" && html`<${Opening} at=${concert.salesOpenAt} opened=${opened} />`;
  let action;
  if (state === "ACTIVE" && wanted) {
    action = html`<a class="button" href=${href`/concerts/${concertId}/dates/${wanted}`} onClick=${() => want(concertId, wanted)}>${t("door.seats")}</a>`;
  } else if (isKept(place)) {
    action = html`<a class="button" href=${href`/concerts/${concertId}/queue`}>${t(state === "LOBBY" ? "lobby.back" : "door.back")}</a>`;
  } else if (lobby?.phase === "soon") {
    action = html`<${Opening} at=${concert.lobbyOpensAt} opened=${opened} says="lobby.opens" until="lobby.untilOpen" />`;
  } else if (shut && !lobby) {
    action = opens;
  } else if (SHUT[phase]) {
    action = html`<p class="door-soon">${t(SHUT[phase])}</p>`;
  } else if (lobby?.phase === "drawing") {
    action = html`<p class="door-soon">${t("lobby.drawing")}</p>${lobby.drawsAt && html`<p class="door-left"><${Countdown} until=${lobby.drawsAt} label=${t("lobby.drawing")} onEnd=${() => draw((count) => count + 1)} /></p>`}`;
  } else if (!signedIn.value) {
    action = html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("door.signIn")}</button>`;
  } else if (lobby?.phase === "open") {
    action = html`<${Opening} at=${concert.salesOpenAt} opened=${opened} says="lobby.until" until="lobby.until" />
      <${Busy} type="button" busy=${busy} onClick=${enter}>${t(busy ? "lobby.entering" : "lobby.enter")}<//>`;
  } else {
    action = html`${opens}<${Busy} type="button" busy=${busy} onClick=${enter}>${t("door.join")}<//>`;
  }
  const before = lobby && lobby.phase !== "drawn"; // nobody is in line yet
  return html`
    <section class="door panel" aria-labelledby="door-title">
      ${before
        ? html`<div class="lobby-door"><h2 id="door-title">${t("lobby.title")}</h2><p>${t(LOBBY_HINTS[lobby.phase])}</p></div>`
        : html`
            <div>
              <h2 id="door-title">${t("door.title")}</h2>
              <dl class="counts">
                <div><dt>${t("door.waiting")}</dt><dd>${number(queue?.waiting ?? 0)}</dd></div>
                <div><dt>${t("door.inside")}</dt><dd>${number(queue?.active ?? 0)}<small> / ${number(queue?.capacity ?? 0)}</small></dd></div>
              </dl>
            </div>
          `}
      <div class="door-act">${action}</div>
      ${problem && html`<${ProblemNote} problem=${problem} retry=${enter} />`}
      ${!problem && !before && state !== "ACTIVE" && !isKept(place) && HINTS[phase] && html`<p class="hint">${t(HINTS[phase])}</p>`}
      ${lobby && html`<p class="hint"><a href=${href`/concerts/${concertId}/draw`}>${t("draw.how")}</a></p>`}
    </section>
  `;
}

const SHUT = { closed: "errors.SALES_CLOSED", soldOut: "door.soldOut", noDates: "concert.noDates" };
const LOBBY_HINTS = { soon: "lobby.doorHint", open: "lobby.doorHint", drawing: "lobby.drawingHint" };
const HINTS = { open: "door.hint", paused: "door.paused" };

/** What the dates say counts more than what was said of the concert a while ago. */
function doorPhase(concert, dates) {
  const phase = phaseOf(concert, serverNow());
  if (phase === "paused" || !dates?.length) return phase;
  if (dates.some(({ bookable }) => bookable)) return "open";
  return phase === "open" && dates.every(({ seatsAvailable }) => seatsAvailable === 0) ? "soldOut" : phase;
}

/** When the doors open: counted down by the second in the last two days. */
function Opening({ at, opened, says = "door.opens", until = "door.untilOpen" }) {
  const far = (Date.parse(at) - serverNow()) / 1000 > 2 * DAY_S;
  useEffect(() => {
    if (!far) return undefined;
    const timer = setInterval(opened, 3_600_000);
    return () => clearInterval(timer);
  }, [far]);
  return html`
    <p class="door-soon">${t(says, { when: dayAndTime(at) })}</p>
    <p class="door-left">${far ? t("door.left", { span: roughly((Date.parse(at) - serverNow()) / 1000) }) : html`<${Countdown} until=${at} label=${t(until)} onEnd=${opened} />`}</p>
  `;
}

const ASK_WITHIN_S = 10;

/**
 * How far a concert's lobby is, or null if it has none: {phase, drawsAt}, of `soon`, `open`, `drawing` and `drawn`. Once it
 * has closed the draw is looked at, and again when it should be there; everybody a little later than the others.
 */
function useLobby({ concertId, lobbyOpensAt, salesOpenAt }) {
  const now = serverNow();
  const isClosed = Boolean(lobbyOpensAt) && Date.parse(salesOpenAt) <= now;
  const again = ({ status, drawsAt }) => (status === "DRAWN" ? null : Math.max(0, Date.parse(drawsAt) - serverNow()) / 1000 + (0.5 + Math.random() / 2) * ASK_WITHIN_S);
  const { value: draw } = useLive(async () => (isClosed ? drawOf(concertId) : null), (draw) => draw && again(draw), null, [concertId, isClosed]);
  if (!lobbyOpensAt) return null;
  if (now < Date.parse(lobbyOpensAt)) return { phase: "soon" };
  if (!isClosed) return { phase: "open" };
  return { phase: draw?.status === "DRAWN" ? "drawn" : "drawing", drawsAt: Date.parse(draw?.drawsAt) > now ? draw.drawsAt : null };
}
