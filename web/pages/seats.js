// The hall: pick up to four seats and have them held.

import { html, navigate, useEffect, useMemo, useRef, useState } from "../vendor/libraries.js";
import { call, page } from "../api.js";
import { concert as concertOf, performancesNow, seatsOf } from "../catalog.js";
import { hall, neighbour } from "../hall.js";
import { day, number, points, shortDay, t, time } from "../language.js";
import { Busy, Countdown, href, Icon, Note, Page, path, ProblemNote, signInFirst, useAction, useLoaded } from "../parts.js";
import { end, join, leave, places, placeState, want } from "../places.js";
import { session, signedIn } from "../session.js";

const MOST = 4; // seats in one reservation, by the contract
const LOOK_AGAIN_MS = 10_000; // the map shows, the server decides: often enough to be useful

export function Seats({ concertId, performanceId }) {
  const concert = useLoaded(() => concertOf(concertId), [concertId]);
  const dates = useLoaded(() => performancesNow(concertId), [concertId]);
  const seats = useLoaded(() => seatsOf(performanceId), [performanceId]);
  const mine = useLoaded(() => (signedIn.value ? held(performanceId) : []), [performanceId, session.value?.sub]);
  const [picked, setPicked] = useState([]);
  const [lost, setLost] = useState([]);
  const hold = useAction();
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
    setPicked((before) => {
      if (before.includes(seatNumber)) return before.filter((one) => one !== seatNumber);
      return before.length < MOST ? [...before, seatNumber].sort((a, b) => a - b) : before;
    });
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

  const title = concert.value?.title;
  if (seats.problem && !seats.value) {
    return html`<${Page} title=${t("seats.missing")}><${ProblemNote} problem=${seats.problem} retry=${seats.reload} /><//>`;
  }
  return html`
    <${Page} class="booking" title=${title} lead=${performance ? `${day(performance.startsAt, performance.timezone)} · ${time(performance.startsAt, performance.timezone)}` : html`<span class="bone" />`}
      before=${html`<a class="up" href=${href`/concerts/${concertId}`}><${Icon} name="back" />${t("seats.up")}</a>`}>
      <${Dates} concertId=${concertId} dates=${dates.value} current=${performanceId} />
      <${Right} concertId=${concertId} />
      <div class="floor">
        <section class="hall panel" aria-labelledby="hall-title">
          <div class="hall-head">
            <h2 id="hall-title">${t("seats.title")}</h2>
            <p role="status">${seats.value ? t("seats.left", { n: seats.value.available, total: seats.value.seats.length }) : t("loading")}</p>
          </div>
          <${Hall} data=${seats.value} total=${performance?.seatsTotal} picked=${picked} mine=${mine.value ?? []} toggle=${toggle} full=${picked.length >= MOST} />
          <${Legend} />
        </section>
        <aside class="pick panel" aria-labelledby="pick-title">
          <${Mine} reservations=${mine.value} />
          <h2 id="pick-title">${t("seats.picked", { n: picked.length, most: MOST })}</h2>
          <${Picked} seats=${seats.value?.seats} picked=${picked} toggle=${toggle} />
          ${lost.length > 0 && html`<${Note} tone="warn" alert>${t("seats.lost", { seats: lost.join(", ") })}<//>`}
          <${ProblemNote} problem=${hold.problem} retry=${reserve} steps=${afterRefusal(concertId, seats, hold)} />
          <${HoldButton} concertId=${concertId} concert=${concert.value} performanceId=${performanceId} picked=${picked} busy=${hold.busy} reserve=${reserve} />
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

function Dates({ concertId, dates, current }) {
  if (!dates) return html`<div class="date-tabs" aria-hidden="true"><span class="bone" /></div>`;
  if (dates.length < 2) return null;
  return html`
    <nav class="date-tabs" aria-label=${t("concert.dates")}>
      ${dates.map(
        ({ performanceId, startsAt, timezone, seatsAvailable }) => html`
          <a key=${performanceId} href=${href`/concerts/${concertId}/dates/${performanceId}`} aria-current=${performanceId === current ? "date" : undefined}>
            <b>${shortDay(startsAt, timezone)}</b><span>${time(startsAt, timezone)}</span>
            <small>${seatsAvailable ? t("seats.short", { n: seatsAvailable }) : t("concert.soldOut")}</small>
          </a>
        `,
      )}
    </nav>
  `;
}

/** What entitles one to book: for how long, or how to get it. */
function Right({ concertId }) {
  const [, draw] = useState(0);
  const { busy, problem, run } = useAction();
  const place = places.value[concertId];
  const state = placeState(place);
  if (state === "ACTIVE") {
    return html`
      <div class="right panel">
        <p><${Icon} name="ticket" /> ${t("seats.window")} <${Countdown} until=${place.view.activeUntil} label=${t("dock.window")} onEnd=${() => draw((count) => count + 1)} /></p>
        <${Busy} type="button" class="quiet small" busy=${busy} onClick=${() => run(() => leave(concertId))}>${t("seats.leave")}<//>
        <${ProblemNote} problem=${problem} />
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
    <p class="hint">${t("seats.holdHint")}</p>
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

function Picked({ seats, picked, toggle }) {
  const chosen = (seats ?? []).filter(({ seatNumber }) => picked.includes(seatNumber));
  const places_ = useMemo(() => (seats ? hall(seats.length).seats : []), [seats?.length]);
  if (!chosen.length) return html`<p class="hint">${t("seats.pickHint", { most: MOST })}</p>`;
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

const STATES = { AVAILABLE: "free", HELD: "held", SOLD: "sold" };

/** The seats as buttons; one of them is in the tab order, arrows lead to the others. */
function Hall({ data, total, picked, mine, toggle, full }) {
  const count = data?.seats.length ?? total ?? 50;
  const plan = useMemo(() => hall(count), [count]);
  const [at, setAt] = useState(0);
  const box = useRef(null);
  const own = new Map(mine.flatMap(({ seatNumbers, status }) => seatNumbers.map((seatNumber) => [seatNumber, status])));

  const onKeyDown = (event) => {
    const next = neighbour(plan.seats, at, event.key);
    if (next === at) return;
    event.preventDefault();
    setAt(next);
    box.current.querySelectorAll(".seat")[next]?.focus();
  };

  return html`
    <div class="house">
      <${Stage} />
      <div ref=${box} class="seats" role="group" aria-label=${t("seats.mapLabel")} aria-busy=${!data} style=${{ aspectRatio: String(plan.aspect) }} onKeyDown=${onKeyDown}>
        ${plan.seats.map((spot, index) => {
          const style = { left: `${spot.x * 100}%`, top: `${spot.y * 100}%`, width: `${plan.size * 88}%`, "--turn": `${spot.angle}deg` };
          const seat = data?.seats[index];
          if (!seat) return html`<span key=${index} class="seat ghost" style=${style} />`;
          const { seatNumber, price, status } = seat;
          const chosen = picked.includes(seatNumber);
          const kind = own.has(seatNumber) && status !== "AVAILABLE" ? "own" : chosen ? "chosen" : STATES[status] ?? "sold";
          const usable = kind === "free" || kind === "chosen";
          const label = t("seats.label", { row: spot.row, place: spot.number, seat: seatNumber, price: points(price), state: t(`seats.state.${kind}`) });
          return html`
            <button key=${index} type="button" class="seat ${kind}" style=${style} tabindex=${index === at ? 0 : -1} title=${label}
              aria-label=${label} aria-pressed=${usable ? chosen : undefined} aria-disabled=${usable && (chosen || !full) ? undefined : "true"}
              onFocus=${() => setAt(index)} onClick=${() => usable && toggle(seatNumber)}>
              <${Mark} kind=${kind} number=${seatNumber} />
            </button>
          `;
        })}
        ${plan.seats
          .filter(({ number: place }) => place === 1)
          .map((spot) => html`<span key=${spot.row} class="row-name" aria-hidden="true" style=${{ left: `${(spot.x - plan.size * 0.86) * 100}%`, top: `${spot.y * 100}%` }}>${spot.row}</span>`)}
      </div>
    </div>
  `;
}

function Mark({ kind, number: seatNumber }) {
  if (kind === "sold") return html`<${Icon} name="cross" />`;
  if (kind === "held") return html`<${Icon} name="clock" />`;
  return html`<span class="seat-number">${number(seatNumber)}</span>${kind === "chosen" && html`<span class="badge"><${Icon} name="check" /></span>`}`;
}

const Stage = () => html`
  <div class="stage" aria-hidden="true">
    <svg viewBox="0 0 600 120" preserveAspectRatio="none" focusable="false">
      <defs>
        <linearGradient id="stage-floor" x1="0" x2="1"><stop offset="0" class="floor-edge" /><stop offset=".5" class="floor-mid" /><stop offset="1" class="floor-edge" /></linearGradient>
        <linearGradient id="stage-beam" x1="0" y1="0" x2="0" y2="1"><stop offset="0" class="beam-in" /><stop offset="1" class="beam-out" /></linearGradient>
      </defs>
      <path class="beam" d="M150 44 L40 120 H210Z M300 44 L220 120 H380Z M450 44 L390 120 H560Z" fill="url(#stage-beam)" />
      <path d="M96 8 H504 Q522 8 526 22 L540 52 Q300 92 60 52 L74 22 Q78 8 96 8Z" fill="url(#stage-floor)" />
    </svg>
    <span>${t("seats.stage")}</span>
  </div>
`;

const Legend = () => html`
  <ul class="legend" aria-label=${t("seats.legend")}>
    ${["free", "chosen", "held", "sold", "own"].map(
      (kind) => html`<li key=${kind}><span class="seat ${kind}" aria-hidden="true"><${Mark} kind=${kind} number=${7} /></span>${t(`seats.state.${kind}`)}</li>`,
    )}
  </ul>
`;
