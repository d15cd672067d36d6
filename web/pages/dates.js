// The dates of a concert as a table: sold, held and left, and by grade when one opens a date.

import { Fragment, html, useState } from "../vendor/libraries.js";
import { dayAndTime, number, points, t, told } from "../language.js";
import { href, Icon } from "../parts.js";
import { Head, useOrder } from "../tables.js";

const COLUMNS = {
  when: ({ startsAt }) => Date.parse(startsAt),
  sold: ({ sold }) => sold,
  held: ({ held }) => held,
  left: ({ available }) => available,
  taken: ({ points: taken }) => taken,
  returned: ({ refunded }) => refunded,
};

/** What is sold and held of all, as a bar; the numbers beside it say the same. */
export function Bar({ sold, held, available }) {
  const all = Math.max(1, sold + held + available);
  const wide = (part) => ({ width: `${(100 * part) / all}%` });
  return html`<span class="bar" aria-hidden="true"><i class="bar-sold" style=${wide(sold)} /><i class="bar-held" style=${wide(held)} /></span>`;
}

export function Dates({ title, performances }) {
  const order = useOrder(performances, ({ performanceId }) => performanceId, COLUMNS, "when");
  const [open, setOpen] = useState([]);
  const graded = performances.some(({ grades }) => grades.length > 1);
  if (!performances.length) return html`<p class="hint">${t("board.sales.noDates")}</p>`;
  const toggle = (id) => setOpen((before) => (before.includes(id) ? before.filter((each) => each !== id) : [...before, id]));
  const head = (column) => html`<${Head} column=${column} label=${t(`board.${column}`)} order=${order} class=${column === "when" ? "" : "number"} />`;
  return html`
    <table class="board-table dates-table ${performances.length === 1 ? "one" : ""}">
      <caption class="unseen">${t("board.sales.datesOf", { title })}</caption>
      <thead><tr>${head("when")}<td class="bar-cell" />${["sold", "held", "left", "taken", "returned"].map(head)}</tr></thead>
      <tbody>
        ${order.rows.map((date) => {
          const { performanceId, grades } = date;
          const isOpen = open.includes(performanceId);
          return html`
            <${Fragment} key=${performanceId}>
              <tr class=${date.calledOff ? "off" : ""}>
                <th scope="row">
                  <span class="date-name">
                    ${grades.length > 1
                      ? html`<button type="button" class="opener" aria-expanded=${isOpen} aria-label=${t("board.sales.grades", { date: dayAndTime(date.startsAt, date.timezone) })} onClick=${() => toggle(performanceId)}><${Icon} name=${isOpen ? "down" : "next"} /></button>`
                      : graded && html`<span class="opener" aria-hidden="true" />`}
                    <a href=${href`/organiser/dates/${performanceId}`}>${dayAndTime(date.startsAt, date.timezone)}</a>
                  </span>
                  ${(date.calledOff || date.offSale) && html`<span class="tag"><${Icon} name=${date.calledOff ? "cross" : "pause"} />${t(date.calledOff ? "board.off.tag" : "board.sales.offSale")}</span>`}
                </th>
                <td class="bar-cell"><${Bar} ...${date} /></td>
                <${Seats} of=${date} />
                <td class="number" data-label=${t("board.taken")}>${points(date.points)}</td>
                <td class="number" data-label=${t("board.returned")}>${points(date.refunded)}</td>
              </tr>
              ${isOpen &&
              grades.map(
                (grade) => html`
                  <tr key=${grade.gradeId} class="grade">
                    <th scope="row">${told(grade, "name")}</th>
                    <td class="bar-cell"><${Bar} ...${grade} /></td>
                    <${Seats} of=${grade} />
                    <td /><td />
                  </tr>
                `,
              )}
            <//>
          `;
        })}
      </tbody>
    </table>
  `;
}

const Seats = ({ of: { sold, held, available } }) => html`
  <td class="number" data-label=${t("board.sold")}>${number(sold)}</td>
  <td class="number" data-label=${t("board.held")}>${number(held)}</td>
  <td class="number" data-label=${t("board.left")}>${number(available)}</td>
`;
