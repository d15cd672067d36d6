// The plan of a hall with rows: its sections and seats, fetched once for each version, for it never changes.

import { call, part } from "./api.js";

const plans = new Map(); // hall version → promise of the plan

/**
 * {version, box, sections, seats, hasAccessible}
 *   sections   in the hall's order: {sectionId, name, translations?, outline, seats, box}
 *   seats      seatNumber → {seatNumber, sectionId, row, label, x, y, gradeId, accessible?, companionOf?}
 * Lengths are centimetres; the stage's edge is at (0, 0), y leads away from it.
 */
export function planOf(performanceId, version) {
  if (!plans.has(version)) {
    const promise = call("GET", `/performances/${part(performanceId)}/layout?version=${part(version)}`, { auth: false }).then(({ body }) => planned(body));
    plans.set(version, promise);
    promise.catch(() => plans.delete(version));
  }
  return plans.get(version);
}

function planned(layout) {
  const all = layout.seats ?? layout.sections.flatMap(({ sectionId, seats }) => seats.map((seat) => ({ sectionId, ...seat })));
  const seats = new Map(all.map((seat) => [seat.seatNumber, seat]));
  const sections = layout.sections.map((section) => {
    const own = all.filter(({ sectionId }) => sectionId === section.sectionId);
    const outline = section.outline.map((point) => (Array.isArray(point) ? point : [point.x, point.y]));
    return { ...section, outline, seats: own, box: boxAround(outline) };
  });
  const hasAccessible = all.some(({ accessible }) => accessible);
  return { version: layout.hallVersion, sections, seats, hasAccessible, box: boxAround([[0, 0], ...sections.flatMap(({ outline }) => outline)], 100) };
}

/** {x, y, width, height} around points [x, y]. */
export function boxAround(points, margin = 0) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  return { x: left, y: top, width: Math.max(...xs) + margin - left, height: Math.max(...ys) + margin - top };
}

/** The rows of a section, front to back as they stand in the plan: {row, seats}. */
export function rowsOf({ seats }) {
  const rows = new Map();
  for (const seat of seats) {
    if (!rows.has(seat.row)) rows.set(seat.row, []);
    rows.get(seat.row).push(seat);
  }
  return [...rows].map(([row, own]) => ({ row, seats: own }));
}

/** Where an arrow key leads to: along the row, or to the nearest seat of the next one; the same seat at the edge. */
export function seatBeside(rows, from, key) {
  const at = rows.findIndex(({ row }) => row === from.row);
  const own = rows[at].seats;
  const place = own.indexOf(from);
  if (key === "Home") return own[0];
  if (key === "End") return own.at(-1);
  if (key === "ArrowLeft" || key === "ArrowRight") return own[place + (key === "ArrowLeft" ? -1 : 1)] ?? from;
  const next = rows[at + (key === "ArrowUp" ? -1 : 1)]?.seats ?? [from];
  const apart = (seat) => Math.hypot(seat.x - from.x, seat.y - from.y);
  return next.reduce((best, seat) => (apart(seat) < apart(best) ? seat : best));
}
