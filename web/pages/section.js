// The seats of one section: a plan to look at and touch, or a list to read. One drawing holds one section, so that a large hall
// is no more to draw than its largest section.

import { html, useMemo, useRef, useState } from "../vendor/libraries.js";
import { language, points, t, told } from "../language.js";
import { Icon, ProblemNote } from "../parts.js";
import { boxAround, rowsOf, seatBeside } from "../plan.js";
import { recall, remember } from "../storage.js";
import { useViewport } from "../viewport.js";
import { ZoomButtons, zoomByKey } from "./zoom.js";

const PITCH = 52; // from seat to seat, in centimetres
const FINGER_PX = 30; // what a seat takes at first at least, so that nobody needs to pinch
const TOUCHABLE_PX = 18; // below that a tap enlarges instead of picking
const LEGIBLE_PX = 20;
const NEAR = 45; // a tap so far from a seat's middle still means it

const KINDS = { AVAILABLE: "free", HELD: "held", SOLD: "sold", CANCELLED: "sold" };

export function SectionSeats(given) {
  const { section, states, picked, own, problem, back } = given;
  const [asList, setAsList] = useState(recall("seatlist") === true);
  const show = (list) => {
    setAsList(list);
    remember("seatlist", list);
  };
  const kindOf = (seatNumber) => {
    const state = states.get(seatNumber);
    if (own.has(seatNumber) && state !== "AVAILABLE") return "own";
    if (picked.includes(seatNumber)) return "chosen";
    return state === undefined ? "unknown" : KINDS[state] ?? "sold";
  };
  return html`
    <div class="section-head">
      <button type="button" class="button quiet small" onClick=${back}><${Icon} name="back" />${t("large.allSections")}</button>
      <div class="tongues" role="group" aria-label=${t("large.view")}>
        <button type="button" aria-pressed=${!asList} onClick=${() => show(false)}>${t("large.asPlan")}</button>
        <button type="button" aria-pressed=${asList} onClick=${() => show(true)}>${t("large.asList")}</button>
      </div>
    </div>
    ${problem && !states.size && html`<${ProblemNote} problem=${problem} />`}
    ${asList ? html`<${SeatList} ...${given} kindOf=${kindOf} />` : html`<${SeatPlan} ...${given} kindOf=${kindOf} />`}
    <ul class="legend" aria-label=${t("seats.legend")}>
      ${["free", "chosen", "held", "sold", "own"].map((kind) => html`<li key=${kind}><svg class="seat-sign" viewBox="-30 -30 60 60" aria-hidden="true"><${Spot} kind=${kind} grade=${0} x=${0} y=${0} /></svg>${t(`seats.state.${kind}`)}</li>`)}
      ${section.seats.some(({ accessible }) => accessible) && html`<li><svg class="seat-sign" viewBox="-30 -30 60 60" aria-hidden="true"><${Spot} kind="free" grade=${0} x=${0} y=${0} square /></svg>${t("large.accessible")}, ${t("large.companion")}</li>`}
    </ul>
  `;
}

function labelOf(seat, kind, grades) {
  const { row, label, gradeId, accessible, companionOf } = seat;
  const grade = grades.get(gradeId);
  const state = kind === "unknown" ? t("loading") : t(`seats.state.${kind}`);
  return [t("seats.name", { row, seat: label }), told(grade, "name"), points(grade.price), accessible && t("large.accessible"), companionOf && t("large.companion"), state].filter(Boolean).join(", ");
}

const usable = (kind, full) => kind === "chosen" || (kind === "free" && !full);

/** A seat's sign: its state in form, its grade in colour. */
const Spot = ({ kind, grade, x, y, square, ...rest }) => {
  const name = `spot ${kind} grade-${grade % 6}`;
  if (kind === "sold" || kind === "unknown") return html`<circle class=${name} cx=${x} cy=${y} r="9" ...${rest} />`;
  return square
    ? html`<rect class=${name} x=${x - 20} y=${y - 20} width="40" height="40" rx="6" ...${rest} />`
    : html`<circle class=${name} cx=${x} cy=${y} r="21" ...${rest} />`;
};

function SeatPlan({ plan, section, grades, states, picked, own, full, toggle, find, kindOf }) {
  const { seats } = section;
  const rows = useMemo(() => rowsOf(section), [section]);
  const box = useMemo(() => boxAround(seats.map(({ x, y }) => [x, y]), 110), [section]);
  const [at, setAt] = useState(seats[0].seatNumber); // where the keyboard is
  const [seen, setSeen] = useState(null); // what the mouse is on
  const list = useRef(null);
  const front = rows[0].seats;
  const start = { unit: PITCH, pixels: FINGER_PX, at: [front[Math.floor(front.length / 2)].x, rows[Math.min(4, rows.length - 1)].seats[0].y] };

  const nearest = ([x, y]) => {
    let found = null;
    let least = NEAR;
    for (const seat of seats) {
      const apart = Math.hypot(seat.x - x, seat.y - y);
      if (apart < least) [found, least] = [seat, apart];
    }
    return found;
  };
  const use = (seat) => {
    setAt(seat.seatNumber);
    const kind = kindOf(seat.seatNumber);
    if (kind === "chosen" || kind === "free") toggle(seat.seatNumber);
    else if (kind !== "unknown") find?.(seat.seatNumber); // where one looks for who has it
  };
  const viewport = useViewport(box, {
    start,
    onTap: (_, point) => {
      const seat = nearest(point);
      if (PITCH * latest.current.pixels < TOUCHABLE_PX) latest.current.zoom(2.5, point);
      else if (seat) use(seat);
    },
  });
  const latest = useRef();
  latest.current = viewport;

  const onKeyDown = (event) => {
    if (zoomByKey(viewport, event)) return;
    const here = plan.seats.get(at);
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      use(here);
      return;
    }
    if (!/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key)) return;
    event.preventDefault();
    const next = seatBeside(rows, here, event.key);
    setAt(next.seatNumber);
    viewport.show([next.x, next.y], PITCH * 1.5);
  };

  // Drawn anew only when a seat has changed: moving and enlarging change the window on it, not what is drawn.
  const drawn = useMemo(
    () => html`<g role="presentation">
      ${seats.map((seat) => {
        const kind = kindOf(seat.seatNumber);
        return html`<${Spot} key=${seat.seatNumber} kind=${kind} grade=${grades.get(seat.gradeId).index} x=${seat.x} y=${seat.y} square=${seat.accessible || seat.companionOf} id=${`seat-${seat.seatNumber}`} role="option"
          aria-selected=${kind === "chosen"} aria-disabled=${usable(kind, full) ? undefined : "true"} aria-label=${labelOf(seat, kind, grades)} />`;
      })}
      ${rows.map(({ row, seats: own_ }) => [own_[0].x - PITCH, own_.at(-1).x + PITCH].map((x, side) => html`<text key=${`${row}${side}`} class="plan-row" x=${x} y=${own_.at(side ? -1 : 0).y + 10} font-size="30" aria-hidden="true">${row}</text>`))}
    </g>`,
    [section, states, picked, own, full, grades, language.value],
  );
  const { view, pixels } = viewport;
  const legible = PITCH * pixels >= LEGIBLE_PX;
  const inView = legible ? seats.filter(({ x, y }) => x > view.x && x < view.x + view.width && y > view.y && y < view.y + view.height) : [];
  const focused = plan.seats.get(at);
  const told_ = plan.seats.get(seen ?? at);
  return html`
    <div class="plan">
      <div ref=${viewport.frame} class="plan-frame ${viewport.isWhole ? "whole" : ""}">
        <svg ref=${list} class="plan-svg seats-svg" viewBox=${viewport.viewBox} role="listbox" tabindex="0" aria-multiselectable="true" aria-label=${t("large.mapLabel", { section: told(section, "name") })}
          aria-activedescendant=${`seat-${at}`} onKeyDown=${onKeyDown} onMouseMove=${(event) => setSeen(seatUnder(event))} onMouseLeave=${() => setSeen(null)}>
          ${drawn}
          <circle class="spot-focus" cx=${focused.x} cy=${focused.y} r="27" aria-hidden="true" />
          <g aria-hidden="true">${inView.map((seat) => ["free", "chosen", "own"].includes(kindOf(seat.seatNumber)) && html`<text key=${seat.seatNumber} class="spot-label ${kindOf(seat.seatNumber)}" x=${seat.x} y=${seat.y + 7} font-size="19">${seat.label}</text>`)}</g>
        </svg>
        <${ZoomButtons} viewport=${viewport} />
      </div>
      <p class="plan-told" aria-hidden="true">${labelOf(told_, kindOf(told_.seatNumber), grades)}</p>
    </div>
  `;
}

const seatUnder = ({ target }) => (target.id?.startsWith("seat-") ? Number(target.id.slice(5)) : null);

/** The free seats of a section, row by row, as buttons with words. */
function SeatList({ section, grades, picked, full, toggle, kindOf }) {
  const rows = rowsOf(section)
    .map(({ row, seats }) => ({ row, seats: seats.filter(({ seatNumber }) => ["free", "chosen"].includes(kindOf(seatNumber))) }))
    .filter(({ seats }) => seats.length);
  if (!rows.length) return html`<p class="empty">${t("concert.soldOut")}</p>`;
  return html`
    <ol class="seat-list">
      ${rows.map(
        ({ row, seats }) => html`
          <li key=${row}>
            <h3>${t("large.row", { row, n: seats.length })}</h3>
            <div class="quick">
              ${seats.map((seat) => {
                const chosen = picked.includes(seat.seatNumber);
                return html`<button key=${seat.seatNumber} type="button" class="chip" aria-pressed=${chosen} aria-disabled=${chosen || !full ? undefined : "true"}
                  aria-label=${labelOf(seat, chosen ? "chosen" : "free", grades)} onClick=${() => toggle(seat.seatNumber)}><i class="grade-${grades.get(seat.gradeId).index % 6}" aria-hidden="true" />${seat.label}</button>`;
              })}
            </div>
          </li>
        `,
      )}
    </ol>
  `;
}
