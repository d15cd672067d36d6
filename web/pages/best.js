// "Two together, best, S": how many, which grade, and the best seats that are free are held at once.

import { html, useRef, useState } from "../vendor/libraries.js";
import { points, t, told } from "../language.js";
import { Busy, Icon, ProblemNote, useAction } from "../parts.js";
import { newKey } from "../wallet.js";
import { afterRefusal, Gate, holdSeats } from "./picking.js";

/** @param section   the section that is looked at: then the best of it */
export function BestSeats({ concertId, concert, performanceId, most, detail, section, hasAccessible }) {
  const [quantity, setQuantity] = useState(Math.min(2, most));
  const [gradeId, setGradeId] = useState(null);
  const [accessible, setAccessible] = useState(false);
  const { busy, problem, run, clear } = useAction();
  const key = useRef(null);
  if (most === 0) return null;
  const count = Math.min(quantity, most);
  const own = section && detail.sections.find(({ sectionId }) => sectionId === section.sectionId);
  const grades = detail.grades.filter((grade) => !own || own.gradeIds.includes(grade.gradeId));
  const grade = grades.find((each) => each.gradeId === gradeId);

  const holdBest = () =>
    run(async () => {
      const body = { performanceId, quantity: count, ...(grade && { gradeId }), ...(section && { sectionId: section.sectionId }), ...(accessible && { accessible }) };
      // One key for one wish, until its answer is known: a repeat after a lost answer holds the same seats.
      const wish = JSON.stringify(body);
      if (key.current?.wish !== wish) key.current = { wish, value: newKey() };
      try {
        await holdSeats(concertId, body, { key: key.current.value });
        key.current = null;
      } catch (refusal) {
        if (!refusal.transient) key.current = null;
        throw refusal;
      }
    });
  const choose = (set) => (value) => {
    clear();
    set(value);
  };
  const chip = (label, pressed, act, more) => html`<button type="button" class="chip" aria-pressed=${pressed} onClick=${act}>${more}${label}</button>`;
  return html`
    <section class="best panel" aria-labelledby="best-title">
      <h2 id="best-title">${section ? t("best.titleIn", { section: told(section, "name") }) : t("best.title")}</h2>
      <div class="quick" role="group" aria-label=${t("best.howMany")}>
        ${Array.from({ length: most }, (_, index) => chip(t("best.people", { n: index + 1 }), count === index + 1, () => choose(setQuantity)(index + 1)))}
      </div>
      <div class="quick" role="group" aria-label=${t("best.which")}>
        ${chip(t("best.any"), !grade, () => choose(setGradeId)(null))}
        ${grades.map((each) =>
          chip(
            html`${told(each, "name")} <small>${each.seatsAvailable ? points(each.price) : t("concert.soldOut")}</small>`,
            grade === each,
            () => choose(setGradeId)(each.gradeId),
            html`<i class="grade-${detail.grades.indexOf(each) % 6}" aria-hidden="true" />`,
          ),
        )}
      </div>
      ${hasAccessible && html`<label class="check"><input type="checkbox" checked=${accessible} onChange=${({ target }) => choose(setAccessible)(target.checked)} />${t("best.accessible")}</label>`}
      <${ProblemNote} problem=${problem} retry=${holdBest} steps=${afterRefusal(concertId)} />
      <${Gate} concertId=${concertId} concert=${concert} performanceId=${performanceId}>
        <${Busy} type="button" class="wide" busy=${busy} onClick=${holdBest}>
          <${Icon} name="ticket" /> ${grade ? t("best.holdSum", { n: count, sum: points(count * grade.price) }) : t("best.hold", { n: count })}
        <//>
      <//>
    </section>
  `;
}
