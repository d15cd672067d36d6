// What a seat is called: row and number as printed on the chair, where the hall has rows; otherwise as the map draws it.

import { hall } from "./hall.js";
import { t } from "./language.js";

/** "C열 20번" for each seat of a reservation; before it is known how large the hall is, the bare number. */
export function seatNames({ seatNumbers, seats }, performance) {
  const printed = new Map((seats ?? []).filter(({ row }) => row).map((seat) => [seat.seatNumber, seat]));
  const drawn = performance && !printed.size ? hall(performance.seatsTotal).seats : [];
  return seatNumbers.map((seatNumber) => {
    const seat = printed.get(seatNumber);
    if (seat) return t("seats.name", { row: seat.row, seat: seat.label });
    const spot = drawn[seatNumber - 1];
    return spot ? t("seats.name", { row: spot.row, seat: seatNumber }) : String(seatNumber);
  });
}
