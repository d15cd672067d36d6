// Tables that one sorts by a column.

import { html, useRef, useState } from "./vendor/libraries.js";
import { Icon } from "./parts.js";

/**
 * Rows in the order of a column, which stays until another is chosen: fresh numbers move no row under a finger; what is new comes
 * last. Returns {rows, by, sort}; `sort(column)` sorts by it, and the second time the other way round.
 * @param columns name → what to compare of a row
 */
export function useOrder(rows, idOf, columns, first) {
  const [by, setBy] = useState({ column: first, down: false });
  const kept = useRef({ by: null, ids: [] });
  const compare = (a, b) => {
    const [one, other] = [columns[by.column](a), columns[by.column](b)];
    const order = typeof one === "string" ? one.localeCompare(other) : one - other;
    return by.down ? -order : order;
  };
  const known = new Map(rows.map((row) => [idOf(row), row]));
  const before = kept.current.by === by ? kept.current.ids.filter((id) => known.has(id)) : [];
  const old = new Set(before);
  const fresh = rows.filter((row) => !old.has(idOf(row))).toSorted(compare);
  kept.current = { by, ids: [...before, ...fresh.map(idOf)] };
  const sort = (column) => setBy(column === by.column ? { column, down: !by.down } : { column, down: false });
  return { rows: kept.current.ids.map((id) => known.get(id)), by, sort };
}

/** A column's head, which sorts by it. */
export function Head({ column, label, order: { by, sort }, class: name = "" }) {
  const mine = by.column === column;
  return html`
    <th scope="col" class=${name} aria-sort=${mine ? (by.down ? "descending" : "ascending") : undefined}>
      <button type="button" class="sorter" onClick=${() => sort(column)}>${label}<${Icon} name=${mine ? (by.down ? "down" : "up") : "sort"} /></button>
    </th>
  `;
}
