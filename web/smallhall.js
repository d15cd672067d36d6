// A hall without rows of its own: its seats as buttons around the stage, as this page draws them.

import { html, useMemo, useRef, useState } from "./vendor/libraries.js";
import { hall, neighbour } from "./hall.js";
import { number, points, t } from "./language.js";
import { Icon } from "./parts.js";

const FINGER = 31; // pixels that a seat takes at least: a larger hall is wider than a phone and can be pushed sideways

const STATES = { AVAILABLE: "free", HELD: "held", SOLD: "sold" };

/**
 * The seats as buttons; one of them is in the tab order, arrows lead to the others.
 * @param find where nothing is picked: called with a seat that is taken
 */
export function SmallHall({ data, total, picked, mine, toggle, full, find }) {
  const count = data?.seats.length ?? total ?? 50;
  const plan = useMemo(() => hall(count), [count]);
  const [at, setAt] = useState(0);
  const box = useRef(null);
  const own = new Map(mine.flatMap(({ seatNumbers, status }) => seatNumbers.map((seatNumber) => [seatNumber, status])));

  const onKeyDown = (event) => {
    const next = neighbour(plan.seats, at, event.key);
    if (next === at) return;
    event.preventDefault();
    setAt(next);
    box.current.querySelectorAll(".seat")[next]?.focus();
  };

  return html`
    <div class="house"><div class="house-in" style=${{ minWidth: `${Math.floor(FINGER / plan.size)}px` }}>
      <${Stage} />
      <div ref=${box} class="seats" role="group" aria-label=${t("seats.mapLabel")} aria-busy=${!data} style=${{ aspectRatio: String(plan.aspect) }} onKeyDown=${onKeyDown}>
        ${plan.seats.map((spot, index) => {
          const style = { left: `${spot.x * 100}%`, top: `${spot.y * 100}%`, width: `${plan.size * 88}%`, "--turn": `${spot.angle}deg` };
          const seat = data?.seats[index];
          if (!seat) return html`<span key=${index} class="seat ghost" style=${style} />`;
          const { seatNumber, price, status } = seat;
          const chosen = picked.includes(seatNumber);
          const kind = own.has(seatNumber) && status !== "AVAILABLE" ? "own" : chosen ? "chosen" : STATES[status] ?? "sold";
          const usable = find ? kind !== "free" : kind === "free" || kind === "chosen";
          const label = t("seats.label", { row: spot.row, place: spot.number, seat: seatNumber, price: points(price), state: t(`seats.state.${kind}`) });
          return html`
            <button key=${index} type="button" class="seat ${kind}" style=${style} tabindex=${index === at ? 0 : -1} title=${label}
              aria-label=${label} aria-pressed=${usable && !find ? chosen : undefined} aria-disabled=${usable && (chosen || !full) ? undefined : "true"}
              onFocus=${() => setAt(index)} onClick=${() => usable && (find ?? toggle)(seatNumber)}>
              <${Mark} kind=${kind} number=${seatNumber} />
            </button>
          `;
        })}
        ${plan.seats
          .filter(({ number: place }) => place === 1)
          .map((spot) => html`<span key=${spot.row} class="row-name" aria-hidden="true" style=${{ left: `${(spot.x - plan.size * 0.86) * 100}%`, top: `${spot.y * 100}%` }}>${spot.row}</span>`)}
      </div>
    </div></div>
  `;
}

function Mark({ kind, number: seatNumber }) {
  if (kind === "sold") return html`<${Icon} name="cross" />`;
  if (kind === "held") return html`<${Icon} name="clock" />`;
  return html`<span class="seat-number">${number(seatNumber)}</span>${kind === "chosen" && html`<span class="badge"><${Icon} name="check" /></span>`}`;
}

const Stage = () => html`
  <div class="stage" aria-hidden="true">
    <svg viewBox="0 0 600 120" preserveAspectRatio="none" focusable="false">
      <defs>
        <linearGradient id="stage-floor" x1="0" x2="1"><stop offset="0" class="floor-edge" /><stop offset=".5" class="floor-mid" /><stop offset="1" class="floor-edge" /></linearGradient>
        <linearGradient id="stage-beam" x1="0" y1="0" x2="0" y2="1"><stop offset="0" class="beam-in" /><stop offset="1" class="beam-out" /></linearGradient>
      </defs>
      <path class="beam" d="M150 44 L40 120 H210Z M300 44 L220 120 H380Z M450 44 L390 120 H560Z" fill="url(#stage-beam)" />
      <path d="M96 8 H504 Q522 8 526 22 L540 52 Q300 92 60 52 L74 22 Q78 8 96 8Z" fill="url(#stage-floor)" />
    </svg>
    <span>${t("seats.stage")}</span>
  </div>
`;

export const Legend = () => html`
  <ul class="legend" aria-label=${t("seats.legend")}>
    ${["free", "chosen", "held", "sold", "own"].map(
      (kind) => html`<li key=${kind}><span class="seat ${kind}" aria-hidden="true"><${Mark} kind=${kind} number=${7} /></span>${t(`seats.state.${kind}`)}</li>`,
    )}
  </ul>
`;
