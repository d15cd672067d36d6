// The tickets of a booking: a code for each seat, large enough for a door to read, here also without a network.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/libraries.js";
import { calendarFile } from "../calendar.js";
import { stayAwake } from "../calling.js";
import { serverNow } from "../clock.js";
import { dayAndTime, t, told } from "../language.js";
import { fetched } from "../network.js";
import { Icon, Note, ProblemNote, useLoaded } from "../parts.js";
import { keepPage } from "../offline.js";
import { seatNames } from "../seatnames.js";
import { keepBooking, keptBooking, ticketsOf } from "../tickets.js";
import { when, where } from "./reservations.js";

const QUIET = 4; // modules of white around a code, as its standard has it
const LOOKS_AGAIN_MS = 60_000;

/**
 * @param reservation CONFIRMED or CANCELLED
 * @param reload      has the reservation asked for again: a ticket that is dead is to look dead
 */
export function Tickets({ reservation, occasion, reload }) {
  const { reservationId, seatNumbers, cancelledSeatNumbers = [], status } = reservation;
  const dead = (seatNumber) => status === "CANCELLED" || cancelledSeatNumbers.includes(seatNumber);
  const kept = keptBooking(reservationId);
  const loaded = useLoaded(() => ticketsOf(reservationId), [reservationId, status, cancelledSeatNumbers.join()]);
  const items = loaded.value ?? kept?.items ?? [];
  const names = seatNames(reservation, occasion.performance);
  const [large, setLarge] = useState(null);
  const drawing = useLoaded(() => fetched(import("../vendor/qr-write.js")), []); // by who has a ticket
  const encode = drawing.value?.encodeQR;

  useEffect(() => {
    if (loaded.value && occasion.concert && occasion.performance) keepBooking(reservation, occasion, loaded.value, serverNow());
  }, [loaded.value, reservation, occasion.concert, occasion.performance]);
  useEffect(() => {
    if (loaded.value) keepPage("reservation", "reservations");
  }, [loaded.value]);
  useLookAgain(reload);

  const tickets = seatNumbers.map((seatNumber, index) => ({
    seatNumber,
    name: names[index],
    dead: dead(seatNumber),
    ...items.find((item) => item.seatNumber === seatNumber),
  }));
  return html`
    <section class="passes" aria-labelledby="passes-title">
      <h2 id="passes-title">${t("ticket.title", { n: tickets.length })}</h2>
      ${loaded.problem && kept && html`<${Note} tone="warn">${t("ticket.kept", { when: dayAndTime(kept.seenAt) })}<//>`}
      ${loaded.problem && !kept && html`<${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} />`}
      <${ProblemNote} problem=${drawing.problem} retry=${drawing.reload} />
      <ul>
        ${tickets.map((ticket) => html`<li key=${ticket.seatNumber}><${Pass} ticket=${ticket} encode=${encode} reservation=${reservation} occasion=${occasion} enlarge=${() => setLarge(ticket)} /></li>`)}
      </ul>
      ${status === "CONFIRMED" && html`<${Ways} reservation=${reservation} occasion=${occasion} names=${names} /><p class="hint">${t("ticket.hint")}</p>`}
      <${Large} encode=${encode} ticket=${large && tickets.find(({ seatNumber }) => seatNumber === large.seatNumber)} close=${() => setLarge(null)} />
    </section>
  `;
}

/** Asks again whenever somebody looks: at the door a ticket of yesterday must not look good. */
function useLookAgain(reload) {
  useEffect(() => {
    const look = () => !document.hidden && reload();
    const timer = setInterval(look, LOOKS_AGAIN_MS);
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
    };
  }, []);
}

function Pass({ ticket, encode, reservation, occasion, enlarge }) {
  const bone = html`<span class="bone" />`;
  return html`
    <article class="pass ${ticket.dead ? "dead" : ""}">
      ${ticket.dead
        ? html`<p class="pass-dead"><${Icon} name="cross" /><b>${t("ticket.dead")}</b></p>`
        : ticket.code
          ? html`<button type="button" class="pass-code" aria-label=${t("ticket.enlarge", { seat: ticket.name })} onClick=${enlarge}><${Code} code=${ticket.code} encode=${encode} /></button>`
          : html`<div class="pass-code" aria-hidden="true" />`}
      <div class="pass-text">
        <p class="pass-seat">${ticket.name}</p>
        <h3>${told(occasion.concert, "title") ?? bone}</h3>
        <p>${when(occasion) ?? bone}</p>
        <p>${where(occasion) ?? bone}</p>
        <p class="pass-ids"><span>${t("ticket.booking")}</span> ${reservation.reservationId}<br />${ticket.ticketId}</p>
      </div>
    </article>
  `;
}

/** The calendar, the way there, and paper. */
function Ways({ reservation, occasion, names }) {
  const venue = where(occasion);
  const event = occasion.concert && occasion.performance && venue && {
    id: `${reservation.reservationId}@${location.hostname}`,
    startsAt: occasion.performance.startsAt,
    title: told(occasion.concert, "title"),
    where: venue,
    text: [names.join(", "), `${t("ticket.booking")} ${reservation.reservationId}`].join("\n"),
    url: location.href,
  };
  if (!event) return null;
  const save = () => {
    const file = new Blob([calendarFile(event, serverNow())], { type: "text/calendar;charset=utf-8" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: `${reservation.reservationId}.ics` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return html`
    <div class="actions">
      <button type="button" class="button quiet small" onClick=${save}><${Icon} name="calendar" />${t("ticket.calendar")}</button>
      <a class="button quiet small" href="https://www.google.com/maps/search/?${new URLSearchParams({ api: "1", query: venue })}" target="_blank" rel="noopener noreferrer"><${Icon} name="pin" />${t("ticket.map")}</a>
      <button type="button" class="button quiet small" onClick=${() => print()}><${Icon} name="ticket" />${t("ticket.print")}</button>
    </div>
  `;
}

/** One code as large as the screen, which stays on meanwhile. */
function Large({ ticket, encode, close }) {
  const box = useRef(null);
  const shown = ticket?.code && !ticket.dead;
  useEffect(() => {
    if (shown && !box.current.open) box.current.showModal();
    if (!shown && box.current.open) box.current.close();
    return shown ? stayAwake() : undefined;
  }, [shown]);
  return html`
    <dialog ref=${box} class="pass-large" aria-label=${ticket?.name} onClose=${close} onClick=${close}>
      ${shown && html`<${Code} code=${ticket.code} encode=${encode} /><p>${ticket.name}</p><button type="button" class="button">${t("ticket.close")}</button>`}
    </dialog>
  `;
}

/** A QR code, once what draws it is here. */
function Code({ code, encode }) {
  const drawn = useMemo(() => encode && outline(encode(code, "raw", { ecc: "medium", border: QUIET })), [encode, code]);
  return html`<svg class="qr" viewBox="0 0 ${drawn?.size ?? 1} ${drawn?.size ?? 1}" role="img" aria-label=${t("ticket.code")} data-code=${code}>${drawn && html`<path d=${drawn.path} />`}</svg>`;
}

/** The dark modules of a code as one path, row by row. */
function outline(rows) {
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      let length = 0;
      while (row[x + length]) length += 1;
      if (length) path += `M${x} ${y}h${length}v1h-${length}z`;
      x += length;
    }
  });
  return { size: rows.length, path };
}
