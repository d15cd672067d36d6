// One date, for organisers: what is sold of it, who booked, its hall, and calling it off.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { seatsLeft } from "../cancelling.js";
import { seatsOf } from "../catalog.js";
import { saveCsv } from "../csv.js";
import { dayAndTime, number, points, t, told } from "../language.js";
import { useLive } from "../live.js";
import { allBookings, bookings, nameOf, salesBefore, salesNow } from "../organising.js";
import { Busy, href, Icon, Loading, ProblemNote, useAction } from "../parts.js";
import { seatNames } from "../seatnames.js";
import { SmallHall } from "../smallhall.js";
import { Head, useOrder } from "../tables.js";
import { CallingOff } from "./callingoff.js";
import { Bar } from "./dates.js";
import { ForAFan } from "./forafan.js";
import { Board, forOrganisers, Since } from "./organiser.js";
import { Status, useOccasion, where } from "./reservations.js";

export const DatePage = forOrganisers(function DatePage({ performanceId }) {
  const live = useLive(salesNow, undefined, salesBefore());
  const concert = live.value?.find(({ performances }) => performances.some((each) => each.performanceId === performanceId));
  const date = concert?.performances.find((each) => each.performanceId === performanceId);
  const occasion = useOccasion({ concertId: concert?.concertId, performanceId });
  const [sought, setSought] = useState("");
  const [turn, setTurn] = useState(0);
  const again = () => {
    setTurn((count) => count + 1);
    live.reload();
  };
  if (!date) {
    const missing = live.value && { code: "PERFORMANCE_NOT_FOUND" };
    return html`<${Board} at="/organiser" title=${t("board.date.title")} before=${html`<a class="up" href="#/organiser"><${Icon} name="back" />${t("board.sales.title")}</a>`}>
      ${missing || live.problem ? html`<${ProblemNote} problem=${missing ?? live.problem} retry=${live.reload} steps=${{ PERFORMANCE_NOT_FOUND: { label: t("board.sales.title"), href: "#/organiser" } }} />` : html`<${Loading} lines=${6} />`}
    <//>`;
  }
  const zone = date.timezone ?? occasion.performance?.timezone;
  return html`
    <${Board} at="/organiser" title=${dayAndTime(date.startsAt, zone)} lead=${[told(concert, "title"), where(occasion)].filter(Boolean).join(" · ")}
      before=${html`<a class="up" href=${href`/organiser/concerts/${concert.concertId}`}><${Icon} name="back" />${told(concert, "title")}</a>`}>
      <${Since} asOf=${concert.asOf} live=${live} />
      <section class="panel totals" aria-label=${t("board.date.numbers")}>
        <${Bar} ...${date} />
        <dl class="counts">
          ${["sold", "held", "available", "checkedIn"].map((name) => html`<div key=${name}><dt>${t(`board.date.${name}`)}</dt><dd>${number(date[name] ?? 0)}</dd></div>`)}
          <div><dt>${t("board.taken")}</dt><dd>${points(date.points)}</dd></div>
          <div><dt>${t("board.returned")}</dt><dd>${points(date.refunded)}</dd></div>
        </dl>
      </section>
      <${Bookings} key=${turn} performanceId=${performanceId} performance=${occasion.performance} zone=${zone} sought=${sought} seek=${setSought} changed=${again} />
      ${occasion.performance && html`<${House} performance=${occasion.performance} seek=${setSought} />`}
      <${CallingOff} performanceId=${performanceId} name=${dayAndTime(date.startsAt, zone)} changed=${again} />
    <//>
  `;
});

const ENOUGH = 50; // rows to show at first: short pages are gone through until there are as many
const PATIENCE_MS = 300; // after the last letter of what is sought
const COLUMNS = {
  name: nameOf,
  seats: ({ seatNumbers }) => seatNumbers[0],
  amount: ({ amount }) => amount,
  status: ({ status }) => status,
  paidAt: ({ confirmedAt }) => confirmedAt ?? "",
};

function Bookings({ performanceId, performance, zone, sought, seek, changed }) {
  const [shown, setShown] = useState({ items: null, nextCursor: null });
  const [chosen, setChosen] = useState(null);
  const turn = useRef(0);
  const loading = useAction();
  const saving = useAction();
  const [saved, setSaved] = useState("");
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  const load = async (cursor) => {
    const mine = (turn.current += 1);
    setBusy(true);
    setProblem(null);
    setSaved("");
    let items = cursor ? shown.items : [];
    const enough = items.length + ENOUGH;
    try {
      let next = cursor;
      do {
        const found = await bookings(performanceId, sought.trim(), next);
        if (mine !== turn.current) return;
        items = [...items, ...found.items];
        next = found.nextCursor;
        setShown({ items, nextCursor: next });
      } while (next && items.length < enough);
    } catch (refusal) {
      if (mine === turn.current) setProblem(refusal);
    }
    if (mine === turn.current) setBusy(false);
  };
  const first = useRef(true);
  useEffect(() => {
    const timer = setTimeout(() => load(null), first.current ? 0 : PATIENCE_MS);
    first.current = false;
    return () => clearTimeout(timer);
  }, [performanceId, sought]);
  useEffect(() => () => void (turn.current += 1), []);
  const order = useOrder(shown.items ?? [], ({ reservationId }) => reservationId, COLUMNS, "name");
  const save = () =>
    saving.run(async () => {
      setSaved("");
      const all = await allBookings(performanceId, (n) => setSaved(t("board.bookings.saving", { n })));
      saveCsv(`bookings-${performanceId}.csv`, asTable(all, performance));
      setSaved(t("board.bookings.saved", { n: all.length }));
    });
  const head = (column, name = "") => html`<${Head} column=${column} label=${t(`board.bookings.${column}`)} order=${order} class=${name} />`;
  return html`
    <section class="panel" aria-labelledby="bookings-title">
      <div class="bookings-head">
        <h2 id="bookings-title">${t("board.bookings.title")}</h2>
        <${Busy} type="button" class="quiet small" busy=${saving.busy} onClick=${save}><${Icon} name="save" /> ${t("board.bookings.save")}<//>
      </div>
      <form class="finder" role="search" onSubmit=${(event) => event.preventDefault()}>
        <label class="unseen" for="booking-sought">${t("board.bookings.search")}</label>
        <input id="booking-sought" type="search" autocomplete="off" maxlength="100" placeholder=${t("board.bookings.search")} value=${sought} onInput=${({ target }) => seek(target.value)} />
      </form>
      <p class="hint" role="status">${saved || (shown.items ? t(shown.nextCursor ? "board.bookings.foundMore" : "board.bookings.found", { n: shown.items.length }) : t("loading"))}</p>
      <${ProblemNote} problem=${saving.problem} retry=${save} />
      <${ProblemNote} problem=${problem} retry=${() => load(shown.items?.length ? shown.nextCursor : null)} />
      ${shown.items?.length > 0 &&
      html`<table class="board-table bookings-table ${shown.items.length === 1 ? "one" : ""}" aria-busy=${busy}>
        <caption class="unseen">${t("board.bookings.title")}</caption>
        <thead><tr>${head("name")}${head("seats")}${head("amount", "number")}${head("status")}${head("paidAt")}<td /></tr></thead>
        <tbody>
          ${order.rows.map((one) => html`
            <tr key=${one.reservationId}>
              <th scope="row"><b>${nameOf(one)}</b><small class="mono">${one.reservationId}</small></th>
              <td data-label=${t("board.bookings.seats")}><${SeatsOf} booking=${one} performance=${performance} />${one.checkedIn > 0 && html`<small>${t("board.bookings.cameIn", { n: one.checkedIn })}</small>`}</td>
              <td class="number" data-label=${t("board.bookings.amount")}>${points(one.amount)}</td>
              <td><${Status} status=${one.status} /></td>
              <td data-label=${t("board.bookings.paidAt")}>${one.confirmedAt ? dayAndTime(one.confirmedAt, zone) : "–"}</td>
              <td class="row-act">${one.status === "CONFIRMED" && html`<button type="button" class="button quiet small" aria-label=${t("board.forafan.of", { name: nameOf(one) })} onClick=${() => setChosen(one)}>${t("board.forafan.open")}</button>`}</td>
            </tr>
          `)}
        </tbody>
      </table>`}
      ${shown.nextCursor && html`<p class="more"><${Busy} type="button" class="quiet" busy=${busy} onClick=${() => busy || load(shown.nextCursor)}>${t("more")}<//></p>`}
      <${ForAFan} booking=${chosen} performance=${performance} close=${() => setChosen(null)} done=${changed} />
    </section>
  `;
}

const FIELDS = ["name", "reservation", "seats", "cancelledSeats", "amount", "returned", "status", "paidAt", "checkedIn"];

/** Bookings as rows for a spreadsheet, with a head. */
function asTable(all, performance) {
  const names = (booking, seatNumbers) => seatNames({ ...booking, seatNumbers }, performance).join(", ");
  const rows = all.map((one) => [
    nameOf(one),
    one.reservationId,
    names(one, seatsLeft(one)),
    names(one, one.cancelledSeatNumbers),
    one.amount,
    one.refunded,
    t(`reservations.status.${one.status}`),
    one.confirmedAt ?? "",
    one.checkedIn,
  ]);
  return [FIELDS.map((name) => t(`board.bookings.${name}`)), ...rows];
}

/** The seats of a booking; those that were given back are struck out. */
const SeatsOf = ({ booking, performance }) =>
  seatNames(booking, performance).map((name, index) => html`${index ? ", " : ""}${booking.cancelledSeatNumbers.includes(booking.seatNumbers[index]) ? html`<s>${name}</s>` : name}`);

/** The hall as it is; a seat that is taken leads to its booking. Fetched when it is opened. */
function House({ performance, seek }) {
  const [open, setOpen] = useState(false);
  const [LargeHouse, setLargeHouse] = useState(null);
  const opened = ({ currentTarget }) => {
    setOpen(currentTarget.open);
    if (currentTarget.open && performance.hallVersion) import("./largehouse.js").then((module) => setLargeHouse(() => module.LargeHouse), () => setOpen(false));
  };
  const find = (seat) => {
    seek(String(seat));
    document.getElementById("booking-sought").focus();
  };
  return html`
    <details class="panel house-of-date" onToggle=${opened}>
      <summary><h2>${t("board.hall.title")}</h2></summary>
      ${open && !performance.hallVersion && html`<${SmallHouse} performance=${performance} find=${find} />`}
      ${open && LargeHouse && html`<${LargeHouse} performance=${performance} find=${find} />`}
    </details>
  `;
}

function SmallHouse({ performance: { performanceId, seatsTotal }, find }) {
  const live = useLive(() => seatsOf(performanceId));
  return html`
    <p class="hint">${t("board.hall.hint")}</p>
    <${ProblemNote} problem=${live.value ? null : live.problem} retry=${live.reload} />
    <${SmallHall} data=${live.value} total=${seatsTotal} picked=${[]} mine=${[]} find=${find} />
  `;
}
