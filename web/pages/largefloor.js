// A hall with rows: the best seats in three taps, or a section and then its seats.

import { html, useEffect, useMemo, useState } from "../vendor/libraries.js";
import { performanceNow, sectionSeats } from "../catalog.js";
import { points, t, told } from "../language.js";
import { useLive } from "../live.js";
import { Loading, ProblemNote, useLoaded } from "../parts.js";
import { planOf } from "../plan.js";
import { BestSeats } from "./best.js";
import { Overview } from "./overview.js";
import { LOOK_AGAIN_S, PickPanel, usePicking } from "./picking.js";
import { SectionSeats } from "./section.js";

export function LargeFloor(shared) {
  const { performanceId, performance, mine, most } = shared;
  const detail = useLive(() => performanceNow(performanceId), LOOK_AGAIN_S, null, [performanceId]);
  const plan = useLoaded(() => planOf(performanceId, performance.hallVersion), [performanceId, performance.hallVersion]);
  const [sectionId, setSectionId] = useState(null);
  const seats = useLive(async () => (sectionId ? sectionSeats(performanceId, sectionId) : null), LOOK_AGAIN_S, null, [performanceId, sectionId]);
  const look = () => (detail.reload(), sectionId && seats.reload());
  // A place for a wheelchair, or beside one, is asked for in so many words.
  const isKept = (seatNumber) => {
    const { accessible, companionOf } = plan.value.seats.get(seatNumber);
    return Boolean(accessible || companionOf);
  };
  const picking = usePicking({ ...shared, reload: look, wish: (picked) => (picked.some(isKept) ? { accessible: true } : {}) });

  const states = useMemo(() => new Map((seats.value?.seats ?? []).map(({ seatNumber, status }) => [seatNumber, status])), [seats.value]);
  useEffect(() => picking.heard((seatNumber) => (states.has(seatNumber) ? states.get(seatNumber) === "AVAILABLE" : undefined)), [states]);
  const grades = useMemo(() => new Map((detail.value?.grades ?? []).map((grade, index) => [grade.gradeId, { ...grade, index }])), [detail.value]);
  const own = useMemo(() => new Set((mine ?? []).flatMap(({ seatNumbers }) => seatNumbers)), [mine]);

  const problem = (!plan.value && plan.problem) || (!detail.value && detail.problem);
  if (problem) return html`<${ProblemNote} problem=${problem} retry=${() => (plan.reload(), detail.reload())} />`;
  if (!plan.value || !detail.value) return html`<${Loading} lines=${8} />`;

  const sections = new Map(plan.value.sections.map((section) => [section.sectionId, section]));
  const section = sections.get(sectionId);
  const named = (seatNumber) => {
    const seat = plan.value.seats.get(seatNumber);
    const grade = grades.get(seat.gradeId);
    return { ...seat, price: grade.price, note: told(grade, "name"), name: `${told(sections.get(seat.sectionId), "name")} ${t("seats.name", { row: seat.row, seat: seat.label })}` };
  };
  const instead = picking.hold.problem?.body?.instead;
  const steps = {
    SEAT_TAKEN: { label: t("seats.refresh"), act: () => (picking.hold.clear(), look()) },
    ...(instead && { LEAVES_SINGLE_SEAT: { label: t("large.instead"), act: () => picking.replace(instead) } }),
  };
  return html`
    <div class="floor large ${picking.picked.length ? "has-picks" : ""}">
      <div class="large-main">
        <${BestSeats} ...${shared} detail=${detail.value} section=${section} hasAccessible=${plan.value.hasAccessible} />
        <section class="hall panel" aria-labelledby="hall-title">
          <div class="hall-head">
            <h2 id="hall-title">${section ? told(section, "name") : t("large.sections")}</h2>
            <p role="status">${t("seats.left", section ? leftIn(detail.value, sectionId) : { n: detail.value.seatsAvailable, total: detail.value.seatsTotal })}</p>
          </div>
          <${Grades} grades=${detail.value.grades} />
          ${section
            ? html`<${SectionSeats} key=${sectionId} plan=${plan.value} section=${section} grades=${grades} states=${states} picked=${picking.picked} own=${own}
                full=${picking.picked.length >= most} toggle=${picking.toggle} named=${named} problem=${seats.problem} back=${() => setSectionId(null)} />`
            : html`<${Overview} plan=${plan.value} detail=${detail.value} grades=${grades} choose=${setSectionId} />`}
        </section>
      </div>
      <${PickPanel} ...${shared} picking=${picking} named=${named} steps=${steps} />
    </div>
  `;
}

function leftIn(detail, sectionId) {
  const { seatsAvailable, seatsTotal } = detail.sections.find((each) => each.sectionId === sectionId) ?? {};
  return { n: seatsAvailable ?? 0, total: seatsTotal ?? 0 };
}

/** The prices, with the colour in which their seats are drawn. */
const Grades = ({ grades }) => html`
  <ul class="grades" aria-label=${t("large.prices")}>
    ${grades.map((grade, index) => html`<li key=${grade.gradeId}><i class="grade-${index % 6}" aria-hidden="true" /><b>${told(grade, "name")}</b> ${points(grade.price)} <small>${grade.seatsAvailable ? t("seats.short", { n: grade.seatsAvailable }) : t("concert.soldOut")}</small></li>`)}
  </ul>
`;
