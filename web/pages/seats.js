// The seats of a date: pick some and have them held.

import { html, navigate, useEffect, useMemo, useState } from "../vendor/libraries.js";
import { page } from "../api.js";
import { concert as concertOf, performancesNow, seatsOf } from "../catalog.js";
import { hall } from "../hall.js";
import { day, shortDay, t, time, told } from "../language.js";
import { useLive } from "../live.js";
import { fetched } from "../network.js";
import { Busy, Confirm, Countdown, href, Icon, Note, Page, path, ProblemNote, useAction, useLoaded } from "../parts.js";
import { leave, places, placeState, want } from "../places.js";
import { session, signedIn } from "../session.js";
import { Legend, SmallHall } from "../smallhall.js";
import { LOOK_AGAIN_S, PickPanel, usePicking } from "./picking.js";

const AT_ONCE = 4; // seats in one reservation, by the contract

export function Seats({ concertId, performanceId }) {
  const concert = useLoaded(() => concertOf(concertId), [concertId]);
  const dates = useLoaded(() => performancesNow(concertId), [concertId]);
  const mine = useLoaded(() => (signedIn.value ? held(performanceId) : []), [performanceId, session.value?.sub]);
  const [LargeFloor, setLargeFloor] = useState(null); // fetched for a hall that has rows
  const [failed, setFailed] = useState(null);
  const performance = dates.value?.find((one) => one.performanceId === performanceId);
  const isLarge = Boolean(performance?.hallVersion);
  const owned = (mine.value ?? []).reduce((sum, { seatNumbers, cancelledSeatNumbers }) => sum + seatNumbers.length - (cancelledSeatNumbers?.length ?? 0), 0);
  const limit = concert.value?.maxSeatsPerUser ?? AT_ONCE;
  const shared = { concertId, performanceId, concert: concert.value, performance, mine: mine.value, reloadMine: mine.reload, owned, most: Math.max(0, Math.min(AT_ONCE, limit - owned)) };

  useEffect(() => want(concertId, performanceId), [concertId, performanceId]);
  const fetchLarge = () => fetched(import("./largefloor.js")).then((module) => setLargeFloor(() => module.LargeFloor), setFailed);
  useEffect(() => {
    if (isLarge) fetchLarge();
  }, [isLarge]);

  const venue = told(performance, "venue") ?? told(concert.value, "venue");
  return html`
    <${Page} class="booking" title=${told(concert.value, "title")} lead=${performance ? `${day(performance.startsAt, performance.timezone)} · ${time(performance.startsAt, performance.timezone)} · ${venue ?? ""}` : html`<span class="bone" />`}
      before=${html`<a class="up" href=${href`/concerts/${concertId}`}><${Icon} name="back" />${t("seats.up")}</a>`}>
      <${Dates} concert=${concert.value} concertId=${concertId} dates=${dates.value} current=${performanceId} />
      <${Right} concertId=${concertId} />
      ${!isLarge && html`<${SmallFloor} ...${shared} isKnown=${Boolean(dates.value || dates.problem)} />`}
      ${isLarge && (LargeFloor ? html`<${LargeFloor} key=${performanceId} ...${shared} />` : html`<${ProblemNote} problem=${failed} retry=${fetchLarge} />`)}
    <//>
  `;
}

const held = async (performanceId) =>
  (await page("/reservations")).items.filter((one) => one.performanceId === performanceId && ["HELD", "CONFIRMED"].includes(one.status));

/** A hall without rows of its own: all its seats on one map. Asks for them once it is known that it is one. */
function SmallFloor({ isKnown, ...shared }) {
  const { performanceId, performance, mine, most } = shared;
  const seats = useLive(async () => (isKnown ? seatsOf(performanceId) : null), LOOK_AGAIN_S, null, [performanceId, isKnown]);
  const picking = usePicking({ ...shared, reload: seats.reload });
  const { picked, toggle } = picking;
  useEffect(() => {
    if (!seats.value) return;
    const free = new Map(seats.value.seats.map(({ seatNumber, status }) => [seatNumber, status === "AVAILABLE"]));
    picking.heard((seatNumber) => free.get(seatNumber) ?? false);
  }, [seats.value]);
  const spots = useMemo(() => (seats.value ? hall(seats.value.seats.length).seats : []), [seats.value?.seats.length]);
  const named = (seatNumber) => {
    const index = (seats.value?.seats ?? []).findIndex((seat) => seat.seatNumber === seatNumber);
    return index < 0 ? null : { ...seats.value.seats[index], name: t("seats.name", { row: spots[index]?.row, seat: seatNumber }) };
  };

  if (seats.problem && !seats.value) return html`<${ProblemNote} problem=${seats.problem} retry=${seats.reload} />`;
  return html`
    <div class="floor">
      <section class="hall panel" aria-labelledby="hall-title">
        <div class="hall-head">
          <h2 id="hall-title">${t("seats.title")}</h2>
          <p role="status">${seats.value ? t("seats.left", { n: seats.value.available, total: seats.value.seats.length }) : t("loading")}</p>
        </div>
        <${SmallHall} data=${seats.value} total=${performance?.seatsTotal} picked=${picked} mine=${mine ?? []} toggle=${toggle} full=${picked.length >= most} />
        <${Legend} />
      </section>
      <${PickPanel} ...${shared} picking=${picking} named=${named} steps=${{ SEAT_TAKEN: { label: t("seats.refresh"), act: () => (picking.hold.clear(), seats.reload()) } }} />
    </div>
  `;
}

function Dates({ concert, concertId, dates, current }) {
  if (!dates) return html`<div class="date-tabs" aria-hidden="true"><span class="bone" /></div>`;
  if (dates.length < 2) return null;
  return html`
    <nav class="date-tabs" aria-label=${t("concert.dates")}>
      ${dates.map(
        (date) => html`
          <a key=${date.performanceId} href=${href`/concerts/${concertId}/dates/${date.performanceId}`} aria-current=${date.performanceId === current ? "date" : undefined}>
            <b>${shortDay(date.startsAt, date.timezone)}</b><span>${time(date.startsAt, date.timezone)}</span>
            ${concert && date.venue !== concert.venue && html`<span class="tab-venue">${told(date, "venue")}</span>`}
            <small>${date.seatsAvailable ? t("seats.short", { n: date.seatsAvailable }) : t("concert.soldOut")}</small>
          </a>
        `,
      )}
    </nav>
  `;
}

/** What entitles one to book: for how long, or how to get it. */
function Right({ concertId }) {
  const [, draw] = useState(0);
  const [ask, setAsk] = useState(null);
  const { busy, problem, run } = useAction();
  const place = places.value[concertId];
  const state = placeState(place);
  const stop = () =>
    setAsk({
      title: t("seats.leaveTitle"),
      text: t("seats.leaveText"),
      yes: t("seats.leave"),
      act: () =>
        run(async () => {
          await leave(concertId);
          navigate(path`/concerts/${concertId}`);
        }),
    });
  if (state === "ACTIVE") {
    return html`
      <div class="right panel">
        <p><${Icon} name="ticket" /> ${t("seats.window")} <${Countdown} until=${place.view.activeUntil} label=${t("dock.window")} onEnd=${() => draw((count) => count + 1)} /></p>
        <${Busy} type="button" class="quiet small" busy=${busy} onClick=${stop}>${t("seats.leave")}<//>
        <${ProblemNote} problem=${problem} />
        <${Confirm} ask=${ask} close=${() => setAsk(null)} />
      </div>
    `;
  }
  if (state === "WAITING") {
    return html`<${Note} tone="warn" actions=${html`<a class="button quiet" href=${href`/concerts/${concertId}/queue`}>${t("door.back")}</a>`}>${t("seats.stillWaiting", { n: place.view.ahead ?? 0 })}<//>`;
  }
  if (state === "LOBBY") {
    return html`<${Note} actions=${html`<a class="button quiet" href=${href`/concerts/${concertId}/queue`}>${t("lobby.back")}</a>`}>${t("lobby.notYet")}<//>`;
  }
  if (state === "ENDED") {
    return html`<${Note} tone="warn" actions=${html`<a class="button quiet" href=${href`/concerts/${concertId}/queue`}>${t("queue.joinAgain")}</a>`}>${t("errors.QUEUE_TOKEN_EXPIRED")}<//>`;
  }
  return html`<${Note}>${t("seats.lookOnly")}<//>`;
}
