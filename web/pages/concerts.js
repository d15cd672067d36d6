// All concerts, as a wall of posters: what comes next first.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/libraries.js";
import { concertsByDate, performancesOf, phaseOf } from "../catalog.js";
import { serverNow } from "../clock.js";
import { day, everyWord, points, shortDay, t, time, told } from "../language.js";
import { href, Icon, Page, ProblemNote, useLoaded } from "../parts.js";
import { Poster } from "../poster.js";

const HALF_A_YEAR_MS = 182 * 86_400_000;
const SCREENFUL = 9; // above this many one wants to search
const SHOWN = 24; // at first; more by a button
const FILTERS = ["all", "open", "soon"];

export function Concerts() {
  const { value: all, problem, reload } = useLoaded(() => concertsByDate(serverNow()), []);
  const [sought, setSought] = useState("");
  const [filter, setFilter] = useState("all");
  const [most, setMost] = useState(SHOWN);
  const found = useMemo(() => matching(all ?? [], sought, filter), [all, sought, filter]);

  return html`
    <${Page} title=${t("concerts.title")} lead=${t("concerts.lead")} class="concerts">
      <p class="unseen" role="status">${all ? (all.length > SCREENFUL ? t("concerts.found", { n: found.length }) : "") : t("loading")}</p>
      ${all?.length > SCREENFUL && html`<${Finder} sought=${sought} setSought=${setSought} filter=${filter} setFilter=${setFilter} />`}
      <ul class="wall" aria-busy=${!all}>
        ${found.slice(0, most).map((concert) => html`<li key=${concert.concertId}><${Card} concert=${concert} /></li>`)}
        ${!all && !problem && [0, 1, 2].map((index) => html`<li key=${index} aria-hidden="true"><div class="card bone-card" /></li>`)}
      </ul>
      ${all?.length === 0 && html`<p class="empty">${t("concerts.none")}</p>`}
      ${all?.length > 0 && found.length === 0 && html`<p class="empty">${t("concerts.noneFound")}</p>`}
      <${ProblemNote} problem=${problem} retry=${reload} />
      ${found.length > most && html`<p class="more"><button type="button" class="button quiet" onClick=${() => setMost(most + SHOWN)}>${t("more")}</button></p>`}
    <//>
  `;
}

function matching(all, sought, filter) {
  const words = sought.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((concert) => {
    if (filter !== "all" && phaseOf(concert, serverNow()) !== filter) return false;
    const text = everyWord(concert, ["title", "artist", "venue"]).toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const Finder = ({ sought, setSought, filter, setFilter }) => html`
  <form class="finder" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label class="unseen" for="sought">${t("concerts.search")}</label>
    <input id="sought" type="search" autocomplete="off" placeholder=${t("concerts.search")} value=${sought} onInput=${({ target }) => setSought(target.value)} />
    <div class="quick" role="group" aria-label=${t("concerts.filter")}>
      ${FILTERS.map((name) => html`<button key=${name} type="button" class="chip" aria-pressed=${filter === name} onClick=${() => setFilter(name)}>${t(`concerts.filters.${name}`)}</button>`)}
    </div>
  </form>
`;

function Card({ concert }) {
  const { concertId, dates } = concert;
  return html`
    <a class="card" href=${href`/concerts/${concertId}`}>
      <${Poster} id=${concertId} />
      <div class="card-text">
        <${PhaseTag} concert=${concert} />
        <h2>${told(concert, "title")}</h2>
        <p class="card-artist">${told(concert, "artist")}</p>
        <p class="card-venue"><${Icon} name="pin" />${told(concert, "venue")}</p>
        <p class="card-dates">
          ${dates
            ? html`<span><${Icon} name="calendar" />${day(dates.firstAt, dates.timezone)}${dates.count > 1 ? ` ${t("concerts.moreDates", { n: dates.count - 1 })}` : ""}</span><b>${t("concerts.from", { price: points(dates.priceFrom) })}</b>`
            : html`<span><${Icon} name="calendar" />${t("concerts.datesLater")}</span>`}
        </p>
        ${dates && html`<${Left} concert=${concert} />`}
      </div>
    </a>
  `;
}

/** How much is left, asked for once the card is in sight. */
function Left({ concert }) {
  const [dates, setDates] = useState(null);
  const box = useRef(null);
  const open = phaseOf(concert, serverNow()) === "open";
  useEffect(() => {
    if (!open) return undefined;
    const sight = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      sight.disconnect();
      performancesOf(concert.concertId).then(setDates, () => {}); // the card stands without it
    });
    sight.observe(box.current);
    return () => sight.disconnect();
  }, [concert.concertId, open]);
  const ahead = dates?.filter(({ startsAt }) => Date.parse(startsAt) > serverNow());
  const sum = (member) => ahead.reduce((total, each) => total + each[member], 0);
  return html`<p ref=${box} class="card-left">${ahead ? (sum("seatsAvailable") ? t("concert.left", { n: sum("seatsAvailable"), total: sum("seatsTotal") }) : t("concert.soldOut")) : ""}</p>`;
}

const SIGNS = { open: "ticket", paused: "clock", soldOut: "cross", noDates: "calendar", closed: "cross" };

/** On sale, soon, or over; in words and with a sign, not by colour alone. */
export function PhaseTag({ concert }) {
  const phase = phaseOf(concert, serverNow());
  if (phase === "soon" && Date.parse(concert.lobbyOpensAt) <= serverNow()) {
    return html`<span class="tag open"><${Icon} name="people" />${t("phase.lobby", { when: time(concert.salesOpenAt) })}</span>`;
  }
  if (phase === "soon") {
    const opens = concert.salesOpenAt;
    const date = Date.parse(opens) - serverNow() < HALF_A_YEAR_MS ? shortDay(opens) : day(opens);
    return html`<span class="tag soon"><${Icon} name="clock" />${t("phase.soon", { when: `${date} ${time(opens)}` })}</span>`;
  }
  const until = phase === "open" && concert.salesCloseAt ? t("phase.until", { when: day(concert.salesCloseAt) }) : undefined;
  return html`<span class="tag ${phase}" title=${until}><${Icon} name=${SIGNS[phase]} />${t(`phase.${phase}`)}</span>`;
}
