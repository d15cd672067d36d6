// The hall: where each seat is. Rows bend around the stage, which is at the top; the last rows are the widest.

const FIFTY = [6, 7, 8, 9, 10, 10];
const RADIUS = 8.2; // of the first row, in seats
const ROW_STEP = 1.12; // from row to row, in seats
const MIN_WIDTH = 9; // of the box, in seats

/** Seats in each row, front to back. */
export function rowsFor(total) {
  if (total === 50) return FIFTY;
  if (total < 6) return [total];
  const count = Math.max(2, Math.round(Math.sqrt(total * 0.72)));
  const rows = Array.from({ length: count }, (_, row) => Math.floor((total / count) * (0.72 + (0.56 * row) / (count - 1))));
  let missing = total - rows.reduce((sum, size) => sum + size, 0);
  for (let row = count - 1; missing > 0; row = (row + count - 1) % count) {
    rows[row] += 1;
    missing -= 1;
  }
  return rows;
}

/**
 * Places for `total` seats in order: {row: "A", rowIndex, number (within the row, from 1), x, y, angle}; x and y are
 * shares (0..1) of a box whose width is `aspect` times its height, and `size` is a seat's width as a share of the box's.
 */
export function hall(total) {
  const rows = rowsFor(total);
  const raw = [];
  rows.forEach((size, rowIndex) => {
    const radius = RADIUS + rowIndex * ROW_STEP;
    for (let seat = 0; seat < size; seat += 1) {
      const angle = (seat - (size - 1) / 2) / radius;
      raw.push({ row: rowName(rowIndex), rowIndex, number: seat + 1, left: radius * Math.sin(angle), top: radius * Math.cos(angle), angle });
    }
  });
  // A small hall is drawn in the same scale: ten seats do not become armchairs.
  const half = Math.max(MIN_WIDTH / 2, ...raw.map(({ left }) => left + 0.5));
  const highest = Math.min(...raw.map(({ top }) => top)) - 0.5;
  const height = Math.max(...raw.map(({ top }) => top)) + 0.5 - highest;
  return {
    aspect: (2 * half) / height,
    size: 1 / (2 * half),
    seats: raw.map(({ left, top, angle, ...place }) => ({
      ...place,
      x: (left + half) / (2 * half),
      y: (top - highest) / height,
      angle: (-angle * 180) / Math.PI,
    })),
  };
}

const rowName = (index) => (index < 26 ? String.fromCharCode(65 + index) : `${rowName(Math.floor(index / 26) - 1)}${rowName(index % 26)}`);

/** The seat that an arrow key leads to from seat `index`; the same one at the hall's edge. */
export function neighbour(seats, index, key) {
  const from = seats[index];
  const inRow = (rowIndex) => seats.map((seat, at) => ({ ...seat, at })).filter((seat) => seat.rowIndex === rowIndex);
  const row = inRow(from.rowIndex);
  const nearest = (others) => others.reduce((best, seat) => (Math.abs(seat.x - from.x) < Math.abs(best.x - from.x) ? seat : best));
  switch (key) {
    case "ArrowLeft":
      return row[from.number - 2]?.at ?? index;
    case "ArrowRight":
      return row[from.number]?.at ?? index;
    case "Home":
      return row[0].at;
    case "End":
      return row.at(-1).at;
    case "ArrowUp":
    case "ArrowDown": {
      const others = inRow(from.rowIndex + (key === "ArrowUp" ? -1 : 1));
      return others.length ? nearest(others).at : index;
    }
    default:
      return index;
  }
}
