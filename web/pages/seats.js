// The seats of a date: pick some and have them held.

import { html, navigate, useEffect, useMemo, useState } from "../vendor/libraries.js";
import { call, page } from "../api.js";
import { concert as concertOf, performancesNow, seatsOf } from "../catalog.js";
import { hall } from "../hall.js";
import { day, points, shortDay, span, t, time, told } from "../language.js";
import { Busy, Confirm, Countdown, href, Icon, Note, Page, path, ProblemNote, signInFirst, useAction, useLoaded } from "../parts.js";
import { end, join, leave, places, placeState, want } from "../places.js";
import { session, signedIn } from "../session.js";
import { Legend, SmallHall } from "../smallhall.js";

const AT_ONCE = 4; // seats in one reservation, by the contract
const LOOK_AGAIN_MS = 10_000; // the map shows, the server decides: often enough to be useful

export function Seats({ concertId, performanceId }) {
  const concert = useLoaded(() => concertOf(concertId), [concertId]);
  const dates = useLoaded(() => performancesNow(concertId), [concertId]);
  const seats = useLoaded(() => seatsOf(performanceId), [performanceId]);
  const mine = useLoaded(() => (signedIn.value ? held(performanceId) : []), [performanceId, session.value?.sub]);
  const [picked, setPicked] = useState([]);
  const [lost, setLost] = useState([]);
  const [full, setFull] = useState(false); // one more was wanted than there may be
  const hold = useAction();
  const owned = (mine.value ?? []).reduce((sum, { seatNumbers }) => sum + seatNumbers.length, 0);
  const limit = concert.value?.maxSeatsPerUser ?? AT_ONCE;
  const most = Math.max(0, Math.min(AT_ONCE, limit - owned));
  const performance = dates.value?.find((one) => one.performanceId === performanceId);

  useEffect(() => want(concertId, performanceId), [concertId, performanceId]);
  useEffect(() => {
    const look = () => {
      if (!document.hidden) seats.reload();
    };
    const timer = setInterval(look, LOOK_AGAIN_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [performanceId]);
  useEffect(() => {
    // A picked seat that somebody else took meanwhile is let go, and said so.
    if (!seats.value) return;
    const free = new Set(seats.value.seats.filter(({ status }) => status === "AVAILABLE").map(({ seatNumber }) => seatNumber));
    const gone = picked.filter((number_) => !free.has(number_));
    if (gone.length && !hold.busy) {
      setPicked(picked.filter((number_) => free.has(number_)));
      setLost(gone);
    }
  }, [seats.value]);

  const toggle = (seatNumber) => {
    hold.clear();
    setLost([]);
    const drop = picked.includes(seatNumber);
    setFull(!drop && picked.length >= most);
    if (drop) setPicked(picked.filter((one) => one !== seatNumber));
    else if (picked.length < most) setPicked([...picked, seatNumber].sort((a, b) => a - b));
  };
  const reserve = () =>
    hold.run(async () => {
      try {
        const { body } = await call("POST", "/reservations", {
          body: { performanceId, seatNumbers: picked },
          queueToken: places.value[concertId]?.view.token,
          attempts: 3, // asking again for seats that one holds already returns the same reservation
        });
        navigate(path`/reservations/${body.reservationId}`);
      } catch (problem) {
        if (problem.code === "QUEUE_TOKEN_EXPIRED" || problem.code === "QUEUE_TOKEN_INVALID") end(concertId, problem.code);
        if (problem.code === "SEAT_TAKEN") {
          const taken = new Set((problem.body.seats ?? []).map(({ seatNumber }) => seatNumber));
          setPicked((before) => before.filter((seatNumber) => !taken.has(seatNumber)));
          seats.reload();
        }
        throw problem;
      }
    });

  const title = told(concert.value, "title");
  const venue = told(performance, "venue") ?? told(concert.value, "venue");
  if (seats.problem && !seats.value) {
    return html`<${Page} title=${t("seats.missing")}><${ProblemNote} problem=${seats.problem} retry=${seats.reload} /><//>`;
  }
  return html`
    <${Page} class="booking" title=${title} lead=${performance ? `${day(performance.startsAt, performance.timezone)} · ${time(performance.startsAt, performance.timezone)} · ${venue ?? ""}` : html`<span class="bone" />`}
      before=${html`<a class="up" href=${href`/concerts/${concertId}`}><${Icon} name="back" />${t("seats.up")}</a>`}>
      <${Dates} concert=${concert.value} concertId=${concertId} dates=${dates.value} current=${performanceId} />
      <${Right} concertId=${concertId} />
      <div class="floor">
        <section class="hall panel" aria-labelledby="hall-title">
          <div class="hall-head">
            <h2 id="hall-title">${t("seats.title")}</h2>
            <p role="status">${seats.value ? t("seats.left", { n: seats.value.available, total: seats.value.seats.length }) : t("loading")}</p>
          </div>
          <${SmallHall} data=${seats.value} total=${performance?.seatsTotal} picked=${picked} mine=${mine.value ?? []} toggle=${toggle} full=${picked.length >= most} />
          <${Legend} />
        </section>
        <aside class="pick panel" aria-labelledby="pick-title">
          <${Mine} reservations=${mine.value} />
          <h2 id="pick-title">${t("seats.picked", { n: picked.length, most })}</h2>
          ${most === 0
            ? html`<p class="hint">${t("seats.ownAll", { n: owned })}</p>`
            : html`<${Picked} seats=${seats.value?.seats} picked=${picked} toggle=${toggle} most=${most} />`}
          <p class="full" role="status">${full && most > 0 ? t("seats.full", { most }) : ""}</p>
          ${lost.length > 0 && html`<${Note} tone="warn" alert>${t("seats.lost", { seats: lost.join(", ") })}<//>`}
          <${ProblemNote} problem=${hold.problem} retry=${reserve} steps=${afterRefusal(concertId, seats, hold)} />
          ${most > 0 && html`<${HoldButton} concertId=${concertId} concert=${concert.value} performanceId=${performanceId} picked=${picked} busy=${hold.busy} reserve=${reserve} />`}
        </aside>
      </div>
    <//>
  `;
}

const held = async (performanceId) =>
  (await page("/reservations")).items.filter((one) => one.performanceId === performanceId && ["HELD", "CONFIRMED"].includes(one.status));

const toQueue = (concertId) => ({ label: t("queue.joinAgain"), href: href`/concerts/${concertId}/queue` });

const afterRefusal = (concertId, seats, hold) => ({
  QUEUE_TOKEN_REQUIRED: toQueue(concertId),
  QUEUE_TOKEN_EXPIRED: toQueue(concertId),
  QUEUE_TOKEN_INVALID: toQueue(concertId),
  QUEUE_TOKEN_NOT_ACTIVE: { label: t("door.back"), href: href`/concerts/${concertId}/queue` },
  SEAT_TAKEN: { label: t("seats.refresh"), act: () => (hold.clear(), seats.reload()) },
  SEAT_LIMIT_EXCEEDED: { label: t("nav.reservations"), href: "#/reservations" },
});

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
    return html`<${Note} tone="warn" actions=${html`<a class="button quiet" href=${href`/concerts/${concertId}/queue`}>${t("door.back")}</a>`}>${t("seats.stillWaiting", { n: place.view.ahead })}<//>`;
  }
  if (state === "ENDED") {
    return html`<${Note} tone="warn" actions=${html`<a class="button quiet" href=${href`/concerts/${concertId}/queue`}>${t("queue.joinAgain")}</a>`}>${t("errors.QUEUE_TOKEN_EXPIRED")}<//>`;
  }
  return html`<${Note}>${t("seats.lookOnly")}<//>`;
}

function HoldButton({ concertId, concert, performanceId, picked, busy, reserve }) {
  const joining = useAction();
  const state = placeState(places.value[concertId]);
  if (!signedIn.value) return html`<button type="button" class="button wide" onClick=${() => signInFirst()}>${t("door.signIn")}</button>`;
  if (state === "WAITING") return html`<a class="button wide" href=${href`/concerts/${concertId}/queue`}>${t("door.back")}</a>`;
  if (state !== "ACTIVE") {
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
  return html`
    <${Busy} type="button" class="wide" busy=${busy} aria-disabled=${picked.length ? undefined : "true"} onClick=${() => picked.length && reserve()}>
      ${picked.length ? t("seats.hold", { n: picked.length }) : t("seats.pickFirst")}
    <//>
    <p class="hint">${concert?.holdSeconds ? t("seats.holdHint", { span: span(concert.holdSeconds) }) : t("seats.holdHintBare")}</p>
  `;
}

function Mine({ reservations }) {
  const open = reservations?.filter(({ status }) => status === "HELD");
  if (!open?.length) return null;
  return open.map(
    ({ reservationId, seatNumbers, expiresAt }) => html`
      <a class="mine" key=${reservationId} href=${href`/reservations/${reservationId}`}>
        <span>${t("seats.mine", { seats: seatNumbers.join(", ") })}</span><${Countdown} until=${expiresAt} label=${t("hold.left")} /><${Icon} name="next" />
      </a>
    `,
  );
}

function Picked({ seats, picked, toggle, most }) {
  const chosen = (seats ?? []).filter(({ seatNumber }) => picked.includes(seatNumber));
  const places_ = useMemo(() => (seats ? hall(seats.length).seats : []), [seats?.length]);
  if (!chosen.length) return html`<p class="hint">${t("seats.pickHint", { most })}</p>`;
  const sum = chosen.reduce((total, { price }) => total + price, 0);
  return html`
    <ul class="chips">
      ${chosen.map(({ seatNumber, price }) => {
        const { row } = places_[seats.findIndex((seat) => seat.seatNumber === seatNumber)];
        return html`<li key=${seatNumber}>
          <span><b>${t("seats.name", { row, seat: seatNumber })}</b> <small>${points(price)}</small></span>
          <button type="button" aria-label=${t("seats.drop", { row, seat: seatNumber })} onClick=${() => toggle(seatNumber)}><${Icon} name="cross" /></button>
        </li>`;
      })}
    </ul>
    <p class="sum"><span>${t("seats.sum")}</span><b>${points(sum)}</b></p>
  `;
}
