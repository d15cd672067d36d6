// What a seat is called: section, row and number as printed on the chair, where the hall has rows; otherwise as the map draws it.

import { hall } from "./hall.js";
import { t, told } from "./language.js";

/** "1층 중앙 C열 20번" for each seat of a reservation; before it is known how large the hall is, the bare number. */
export function seatNames({ seatNumbers, seats }, performance) {
  const printed = new Map((seats ?? []).filter(({ row }) => row).map((seat) => [seat.seatNumber, seat]));
  const drawn = performance && !printed.size ? hall(performance.seatsTotal).seats : [];
  return seatNumbers.map((seatNumber) => {
    const seat = printed.get(seatNumber);
    const spot = drawn[seatNumber - 1];
    if (!seat) return spot ? t("seats.name", { row: spot.row, seat: seatNumber }) : String(seatNumber);
    const section = told(sectionOf(performance?.sections, seatNumber), "name");
    return [section, t("seats.name", { row: seat.row, seat: seat.label })].filter(Boolean).join(" ");
  });
}

/** Seats are numbered through the sections in their order. */
function sectionOf(sections = [], seatNumber) {
  let last = 0;
  return sections.find(({ seatsTotal }) => seatNumber <= (last += seatsTotal));
}
