// A hall with rows, for organisers: its sections, and who has a seat of one.

import { html, useMemo, useState } from "../vendor/libraries.js";
import { performanceNow, sectionSeats } from "../catalog.js";
import { t, told } from "../language.js";
import { useLive } from "../live.js";
import { Loading, ProblemNote, useLoaded } from "../parts.js";
import { planOf } from "../plan.js";
import { Overview } from "./overview.js";
import { LOOK_AGAIN_S } from "./picking.js";
import { SectionSeats } from "./section.js";

const NOBODY = new Set();
const NOTHING = [];

export function LargeHouse({ performance: { performanceId, hallVersion }, find }) {
  const detail = useLive(() => performanceNow(performanceId), LOOK_AGAIN_S, null, [performanceId]);
  const plan = useLoaded(() => planOf(performanceId, hallVersion), [performanceId, hallVersion]);
  const [sectionId, setSectionId] = useState(null);
  const seats = useLive(async () => (sectionId ? sectionSeats(performanceId, sectionId) : null), LOOK_AGAIN_S, null, [performanceId, sectionId]);
  const states = useMemo(() => new Map((seats.value?.seats ?? []).map(({ seatNumber, status }) => [seatNumber, status])), [seats.value]);
  const grades = useMemo(() => new Map((detail.value?.grades ?? []).map((grade, index) => [grade.gradeId, { ...grade, index }])), [detail.value]);
  const problem = (!plan.value && plan.problem) || (!detail.value && detail.problem);
  if (problem) return html`<${ProblemNote} problem=${problem} retry=${() => (plan.reload(), detail.reload())} />`;
  if (!plan.value || !detail.value) return html`<${Loading} lines=${8} />`;
  const section = plan.value.sections.find((one) => one.sectionId === sectionId);
  if (!section) return html`<${Overview} plan=${plan.value} detail=${detail.value} grades=${grades} choose=${setSectionId} all />`;
  return html`
    <p class="hint">${told(section, "name")} · ${t("board.hall.hint")}</p>
    <${SectionSeats} key=${sectionId} plan=${plan.value} section=${section} grades=${grades} states=${states} picked=${NOTHING} own=${NOBODY} full
      toggle=${() => {}} find=${find} problem=${seats.problem} back=${() => setSectionId(null)} />
  `;
}
