// Calling a date off: look first, then confirm with the code that stands for what was seen, then watch until all is given back.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { clock, number, points, t } from "../language.js";
import { useLive } from "../live.js";
import { callingOffNow, callOff, surveyOf } from "../organising.js";
import { Busy, Note, ProblemNote, useAction } from "../parts.js";

const WATCH_S = 3;

export function CallingOff({ performanceId, name, changed }) {
  const live = useLive(() => callingOffNow(performanceId), ({ status }) => (status === "RUNNING" ? WATCH_S : null));
  const [survey, setSurvey] = useState(null);
  const [typed, setTyped] = useState("");
  const [isStale, setStale] = useState(false);
  const looking = useAction();
  const calling = useAction();
  const heading = useRef(null);
  const status = live.value?.status;
  const before = useRef(status);
  useEffect(() => {
    if (before.current === "RUNNING" && status === "DONE") changed();
    before.current = status;
  }, [status]);

  const look = (offSale) =>
    looking.run(async () => {
      setSurvey(await surveyOf(performanceId, offSale));
      setTyped("");
      heading.current?.focus();
    });
  const confirm = (event) => {
    event.preventDefault();
    if (typed.trim() !== survey.code) return;
    calling.run(async () => {
      setStale(false);
      try {
        await callOff(performanceId, survey.code);
      } catch (problem) {
        if (problem.code !== "SURVEY_CHANGED") throw problem;
        setStale(true);
        await look(false);
        return;
      }
      setSurvey(null);
      await live.reload();
      changed();
    });
  };
  if (!live.value) return live.problem ? html`<section class="panel"><h2>${t("board.off.title")}</h2><${ProblemNote} problem=${live.problem} retry=${live.reload} /></section>` : null;
  if (status !== "NONE") return html`<${Progress} state=${live.value} />`;
  return html`
    <section class="panel danger-zone" aria-labelledby="off-title">
      <h2 id="off-title" ref=${heading} tabindex="-1">${t("board.off.title")}</h2>
      <p class="hint">${t("board.off.lead")}</p>
      ${isStale && html`<${Note} tone="warn" alert>${t("errors.SURVEY_CHANGED")}<//>`}
      ${survey &&
      html`
        <p>${t("board.off.found", { date: name, at: clock(survey.asOf) })}</p>
        <dl class="account">
          <div><dt>${t("board.off.bookings")}</dt><dd>${number(survey.reservations)}</dd></div>
          <div><dt>${t("board.off.seats")}</dt><dd>${number(survey.seats)}</dd></div>
          ${survey.holds > 0 && html`<div><dt>${t("board.off.holds")}</dt><dd>${number(survey.holds)}</dd></div>`}
          <div class="rest"><dt>${t("board.off.amount")}</dt><dd>${points(survey.amount)}</dd></div>
        </dl>
        ${survey.offSale === false && html`<${Note} tone="warn" actions=${html`<button type="button" class="button quiet" onClick=${() => look(true)}>${t("board.off.offSale")}</button>`}>${t("board.off.onSale")}<//>`}
        <form class="form" onSubmit=${confirm} novalidate>
          <div class="field">
            <label for="off-code">${t("board.off.type")} <code class="code">${survey.code}</code></label>
            <input id="off-code" autocomplete="off" autocapitalize="off" spellcheck=${false} value=${typed} onInput=${({ target }) => setTyped(target.value)} />
          </div>
          <div class="actions">
            <button type="button" class="button quiet" onClick=${() => setSurvey(null)}>${t("board.off.keep")}</button>
            <${Busy} type="submit" class="danger" busy=${calling.busy} aria-disabled=${typed.trim() === survey.code && !calling.busy ? undefined : "true"}>${t("board.off.confirm", { amount: points(survey.amount) })}<//>
          </div>
        </form>
      `}
      ${!survey && html`<div class="actions"><${Busy} type="button" class="danger" busy=${looking.busy} onClick=${() => look(false)}>${t("board.off.look")}<//></div>`}
      <${ProblemNote} problem=${looking.problem} retry=${() => look(false)} />
      <${ProblemNote} problem=${calling.problem} />
    </section>
  `;
}

function Progress({ state: { status, reservations, refunded, left, seats, seatsTotal } }) {
  const isDone = status === "DONE";
  return html`
    <section class="panel" aria-labelledby="off-title">
      <h2 id="off-title" tabindex="-1">${t("board.off.tag")}</h2>
      <${Note} tone=${isDone ? "good" : "warn"} live title=${t(isDone ? "board.off.done" : "board.off.running")}>
        ${t(isDone ? "board.off.doneText" : "board.off.runningText", { n: reservations, left: points(left), amount: points(refunded) })}
      <//>
      ${!isDone && html`<progress max=${Math.max(1, seatsTotal)} value=${seats} aria-label=${t("board.off.running")} />`}
    </section>
  `;
}
