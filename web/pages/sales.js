// All sales on one screen, as they are now.

import { html } from "../vendor/libraries.js";
import { number, points, t, told } from "../language.js";
import { useLive } from "../live.js";
import { salesBefore, salesNow, trueSince } from "../organising.js";
import { href, Icon, Loading, Note, ProblemNote } from "../parts.js";
import { useOrder } from "../tables.js";
import { Dates } from "./dates.js";
import { Board, forOrganisers, Since } from "./organiser.js";

export const Sales = forOrganisers(function Sales() {
  const live = useLive(salesNow, undefined, salesBefore());
  const concerts = live.value;
  return html`
    <${Board} at="/organiser" title=${t("board.sales.title")}>
      ${!concerts && (live.problem ? html`<${ProblemNote} problem=${live.problem} retry=${live.reload} />` : html`<${Loading} lines=${6} />`)}
      ${concerts?.length === 0 && html`<div class="empty"><p>${t("board.sales.none")}</p><p><a class="button" href="#/organiser/catalog">${t("board.sales.publish")}</a></p></div>`}
      ${concerts?.length > 0 && html`<${All} concerts=${concerts} live=${live} />`}
    <//>
  `;
});

const next = ({ performances }) => performances.map(({ startsAt }) => Date.parse(startsAt)).reduce((a, b) => Math.min(a, b), Infinity);
const sum = (concerts, member) => concerts.reduce((total, { performances }) => total + performances.reduce((own, each) => own + each[member], 0), 0);
const inLine = (concerts, member) => concerts.reduce((total, { queue }) => total + queue[member], 0);
const ORDERS = {
  attention: ({ attention }) => -attention.reduce((total, { count }) => total + count, 0),
  date: next,
  waiting: ({ queue }) => -queue.waiting,
  left: (concert) => sum([concert], "available"),
  title: (concert) => told(concert, "title"),
};

function All({ concerts, live }) {
  const order = useOrder(concerts, ({ concertId }) => concertId, ORDERS, "attention");
  return html`
    <${Since} asOf=${trueSince(concerts)} live=${live} />
    <dl class="counts totals panel">
      <div><dt>${t("board.waiting")}</dt><dd>${number(inLine(concerts, "waiting"))}</dd></div>
      <div><dt>${t("board.inside")}</dt><dd>${number(inLine(concerts, "active"))}</dd></div>
      <div><dt>${t("board.perMinute")}</dt><dd>${number(inLine(concerts, "enteredPerMinute"))}</dd></div>
      <div><dt>${t("board.sold")}</dt><dd>${number(sum(concerts, "sold"))}</dd></div>
      <div><dt>${t("board.held")}</dt><dd>${number(sum(concerts, "held"))}</dd></div>
      <div><dt>${t("board.taken")}</dt><dd>${points(sum(concerts, "points"))}</dd></div>
      <div><dt>${t("board.returned")}</dt><dd>${points(sum(concerts, "refunded"))}</dd></div>
    </dl>
    ${concerts.length > 1 &&
    html`<div class="quick" role="group" aria-label=${t("board.sales.sort")}>
      ${Object.keys(ORDERS).map((name) => html`<button key=${name} type="button" class="chip" aria-pressed=${order.by.column === name} onClick=${() => order.by.column !== name && order.sort(name)}>${t(`board.sales.by.${name}`)}</button>`)}
    </div>`}
    <ul class="sales">${order.rows.map((concert) => html`<li key=${concert.concertId}><${Sale} concert=${concert} /></li>`)}</ul>
  `;
}

const SIGNS = { UPCOMING: "clock", ON_SALE: "ticket", PAUSED: "pause", SOLD_OUT: "check", NO_DATES: "calendar", OVER: "cross" };
const LOOKS = { UPCOMING: "soon", ON_SALE: "open", PAUSED: "paused" };

export const SaleTag = ({ status }) => html`<span class="tag ${LOOKS[status] ?? ""}"><${Icon} name=${SIGNS[status] ?? "info"} />${t(`board.status.${SIGNS[status] ? status : "OTHER"}`)}</span>`;

/** Who is in line and who is inside. */
export const LineCounts = ({ queue: { waiting, active, capacity, enteredPerMinute, entered } }) => html`
  <dl class="counts">
    <div><dt>${t("board.waiting")}</dt><dd>${number(waiting)}</dd></div>
    <div><dt>${t("board.inside")}</dt><dd>${number(active)}<small> / ${number(capacity)}</small></dd></div>
    <div><dt>${t("board.perMinute")}</dt><dd>${number(enteredPerMinute)}</dd></div>
    <div><dt>${t("board.entered")}</dt><dd>${number(entered)}</dd></div>
  </dl>
`;

const KINDS = ["PAYMENTS_UNDONE", "PAYMENTS_LEFT_BEHIND", "REFUNDS_UNFINISHED"];

export const Attention = ({ attention }) =>
  attention.length > 0 &&
  html`<${Note} tone="warn" title=${t("board.attention.title")}>
    <ul>${attention.map(({ kind, count }) => html`<li key=${kind}>${t(`board.attention.${KINDS.includes(kind) ? kind : "OTHER"}`, { n: count })}</li>`)}</ul>
  <//>`;

function Sale({ concert }) {
  const { concertId, saleStatus, queue, performances, attention } = concert;
  return html`
    <article class="panel sale" aria-labelledby="sale-${concertId}">
      <header class="sale-head">
        <div>
          <h2 id="sale-${concertId}"><a href=${href`/organiser/concerts/${concertId}`}>${told(concert, "title")}</a></h2>
          <${SaleTag} status=${saleStatus} />
        </div>
        <${LineCounts} queue=${queue} />
        <a class="button quiet small" href=${href`/organiser/concerts/${concertId}`}>${t("board.line.open")}<span class="unseen">: ${told(concert, "title")}</span></a>
      </header>
      ${queue.message && html`<p class="said"><${Icon} name="info" />${t("board.line.said", { message: queue.message })}</p>`}
      <${Attention} attention=${attention} />
      <${Dates} title=${told(concert, "title")} performances=${performances} />
    </article>
  `;
}
