// The log: who did what, and when. Nobody can change it.

import { html, useEffect, useState } from "../vendor/libraries.js";
import { dayAndTime, known, number, t } from "../language.js";
import { logEntries } from "../organising.js";
import { Busy, href, Icon, Loading, ProblemNote, useAction } from "../parts.js";
import { Board, forOrganisers } from "./organiser.js";

export const Log = forOrganisers(
  () => html`
    <${Board} at="/organiser/log" title=${t("board.log.title")} lead=${t("board.log.lead")}>
      <section class="panel" aria-label=${t("board.log.title")}><${LogEntries} /></section>
    <//>
  `,
);

/** What was done, newest first; of one concert, or of all. */
export function LogEntries({ concertId }) {
  const [shown, setShown] = useState({ items: null, nextCursor: null });
  const { busy, problem, run } = useAction();
  const load = (cursor) =>
    run(async () => {
      const found = [];
      let next = cursor;
      do {
        const { items, nextCursor } = await logEntries(next, concertId); // of one concert a page may be empty and not the last
        found.push(...items);
        next = nextCursor;
      } while (next && !found.length);
      setShown((before) => ({ items: [...(cursor ? before.items : []), ...found], nextCursor: next }));
    });
  useEffect(() => void load(null), []);
  return html`
    ${!shown.items && !problem && html`<${Loading} lines=${4} />`}
    ${shown.items?.length === 0 && !shown.nextCursor && html`<p class="hint">${t("board.log.none")}</p>`}
    <ol class="log-entries">${shown.items?.map((entry) => html`<${LogEntry} key=${entry.entryId} entry=${entry} withConcert=${!concertId} />`)}</ol>
    <${ProblemNote} problem=${problem} retry=${() => load(shown.items ? shown.nextCursor : null)} />
    ${shown.nextCursor && html`<p class="more"><${Busy} type="button" class="quiet" busy=${busy} onClick=${() => load(shown.nextCursor)}>${t("more")}<//></p>`}
  `;
}

const ACTIONS = ["QUEUE_CHANGED", "CATALOG_PUBLISHED", "PERFORMANCE_OFF_SALE", "PERFORMANCE_CALLED_OFF", "RESERVATION_CANCELLED"];

function LogEntry({ entry, withConcert }) {
  const { at, userId, name, action, concertId, performanceId, reservationId, reason } = entry;
  const { changes, ...details } = entry.details; // of a catalog there is a list of them
  return html`
    <li>
      <p class="log-head"><b>${t(`board.log.action.${ACTIONS.includes(action) ? action : "OTHER"}`)}</b><span>${t("board.log.by", { name: name ?? userId })}</span><time datetime=${at}>${dayAndTime(at)}</time></p>
      ${withConcert && concertId && html`<p><a href=${href`/organiser/concerts/${concertId}`}>${concertId}</a></p>`}
      ${performanceId && html`<p><a href=${href`/organiser/dates/${performanceId}`}>${performanceId}</a></p>`}
      ${reservationId && html`<p class="mono">${reservationId}</p>`}
      <ul class="log-details">${differences(details).map(([name, before, after]) => html`<li key=${name}><${Change} name=${name} before=${before} after=${after} /></li>`)}</ul>
      ${changes && html`<details><summary>${t("board.log.changes", { n: changes.length })}</summary><${CatalogChanges} changes=${changes} /></details>`}
      ${reason && html`<p>${t("board.log.reason", { reason })}</p>`}
    </li>
  `;
}

/** [name, before, after] for each thing that a entry tells; `before` is undefined where there was nothing to tell. */
function differences(details) {
  const { before, after, ...others } = details;
  return Object.entries({ ...others, ...after }).map(([name, value]) => [name, before?.[name], value]);
}

/** A value as one reads it. */
export const plain = (value) => {
  if (value === null || value === undefined || value === "") return t("board.nothing");
  if (typeof value === "boolean") return t(value ? "board.yes" : "board.no");
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
};

const KINDS = { CREATED: "plus", CHANGED: "again", REMOVED: "minus" };

/** What publishing changes, line by line. */
export const CatalogChanges = ({ changes }) => html`
  <ul class="changes">
    ${changes.map(
      ({ kind, concertId, performanceId, field, before, after }, index) => html`
        <li key=${index} class=${kind.toLowerCase()}>
          <span class="tag"><${Icon} name=${KINDS[kind] ?? "info"} />${t(`board.catalog.kind.${KINDS[kind] ? kind : "CHANGED"}`)}</span>
          <span>${!field && html`<b>${t(performanceId ? "board.catalog.aDate" : "board.catalog.aConcert")}</b> `}<code>${performanceId ?? concertId}</code> ${field && html`<${Change} name=${field} before=${before ?? null} after=${after} />`}</span>
        </li>
      `,
    )}
  </ul>
`;

const Change = ({ name, before, after }) => html`
  <span class="change"><b>${known(`board.field.${name}`) ? t(`board.field.${name}`) : name}</b> ${before !== undefined && html`<s>${plain(before)}</s> <span aria-hidden="true">→</span> `}<ins>${plain(after)}</ins></span>
`;
