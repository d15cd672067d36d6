// The hall as a whole: its sections with what is left and what it costs; one leads to the seats.

import { html, useMemo } from "../vendor/libraries.js";
import { number, points, t, told } from "../language.js";
import { Icon } from "../parts.js";
import { useViewport } from "../viewport.js";
import { ZoomButtons, zoomByKey } from "./zoom.js";

const LEGIBLE_PX = 9;

/** @param all sections of which nothing is left can be chosen too */
export function Overview({ plan, detail, grades, choose, all = false }) {
  const viewport = useViewport(plan.box, { onTap: (target) => pick(target.closest?.("[data-section]")?.dataset.section) });
  const known = useMemo(() => new Map(detail.sections.map((section) => [section.sectionId, section])), [detail]);
  const facts = (section) => {
    const { seatsAvailable = 0, gradeIds = [] } = known.get(section.sectionId) ?? {};
    const own = gradeIds.map((gradeId) => grades.get(gradeId)).filter(Boolean);
    const prices = own.map((grade) => `${told(grade, "name")} ${points(grade.price)}`).join(", ");
    return { left: seatsAvailable, total: section.seats.length, own, prices, name: told(section, "name") };
  };
  const pick = (sectionId) => {
    if (sectionId && (all || known.get(sectionId)?.seatsAvailable > 0)) choose(sectionId);
  };
  const onKeyDown = (event) => {
    if (zoomByKey(viewport, event)) return;
    const { section } = event.target.dataset ?? {};
    if (section && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      pick(section);
    }
  };
  return html`
    <div class="plan">
      <div ref=${viewport.frame} class="plan-frame ${viewport.isWhole ? "whole" : ""}" onKeyDown=${onKeyDown}>
        <svg class="plan-svg" viewBox=${viewport.viewBox} role="group" aria-label=${t("large.overview")}>
          <${StageEdge} box=${plan.box} />
          ${plan.sections.map((section) => {
            const { left, total, own, prices, name } = facts(section);
            const state = left ? t("large.left", { n: left }) : t("concert.soldOut");
            const size = Math.min((section.box.width * 0.8) / Math.max(4, name.length * 0.75), section.box.height * 0.3, plan.box.width * 0.028);
            const legible = size * viewport.pixels >= LEGIBLE_PX;
            const [x, y] = middle(section);
            return html`
              <g key=${section.sectionId} class="plan-section grade-${(own[0]?.index ?? 0) % 6} ${left ? "" : "gone"}" role="button" tabindex="0" data-section=${section.sectionId}
                aria-disabled=${left || all ? undefined : "true"} aria-label=${`${name}, ${state}, ${prices}`}>
                <polygon points=${section.outline.map((point) => point.join(",")).join(" ")} style=${{ "--share": left ? 0.25 + (0.6 * left) / total : 0.06 }} />
                ${legible &&
                html`<text x=${x} y=${y} font-size=${size} aria-hidden="true"><tspan x=${x} dy="-0.15em">${name}</tspan><tspan x=${x} dy="1.15em" class="plan-left">${left ? number(left) : "×"}</tspan></text>`}
              </g>
            `;
          })}
        </svg>
        <${ZoomButtons} viewport=${viewport} />
      </div>
      <ul class="section-list" aria-label=${t("large.sections")}>
        ${plan.sections.map((section) => {
          const { left, total, own, name } = facts(section);
          return html`
            <li key=${section.sectionId}>
              <button type="button" aria-disabled=${left || all ? undefined : "true"} onClick=${() => pick(section.sectionId)}>
                <b>${name}</b>
                <span class="section-prices">${own.map((grade) => html`<span key=${grade.gradeId}><i class="grade-${grade.index % 6}" aria-hidden="true" />${told(grade, "name")} ${points(grade.price)}</span>`)}</span>
                <span class="section-left">${left ? t("concert.left", { n: left, total }) : t("concert.soldOut")}</span>
                <${Icon} name="next" />
              </button>
            </li>
          `;
        })}
      </ul>
    </div>
  `;
}

/** Where a section's name stands: between its first and last rows, where its seats are. */
function middle({ seats, box }) {
  if (!seats.length) return [box.x + box.width / 2, box.y + box.height / 2];
  const sum = (member) => seats.reduce((total, seat) => total + seat[member], 0) / seats.length;
  return [sum("x"), sum("y")];
}

/** The stage's edge, at the top of the plan. */
export const StageEdge = ({ box }) => {
  const half = Math.min(900, box.width / 5);
  return html`
    <g class="plan-stage" aria-hidden="true">
      <path d="M${-half} 0 Q0 ${half / 5} ${half} 0 L${half * 0.86} ${-half / 4} H${-half * 0.86}Z" />
      <text x="0" y=${-half / 24} font-size=${half / 6}>${t("seats.stage")}</text>
    </g>
  `;
};
