// The waiting room. It asks the network for nothing but its polls.

import { html, navigate, useEffect, useState } from "../vendor/libraries.js";
import { concert as concertOf, performancesOf } from "../catalog.js";
import { monotonic } from "../clock.js";
import { number, roughly, t } from "../language.js";
import { Busy, Confirm, href, Icon, Note, Page, path, ProblemNote, sentence, signInFirst, useAction } from "../parts.js";
import { forget, join, leave, places, placeState, untilNextPoll } from "../places.js";
import { Poster } from "../poster.js";
import { signedIn } from "../session.js";

const STICKS = 28;

export function Queue({ concertId }) {
  const place = places.value[concertId];
  const state = placeState(place);

  useEffect(() => {
    // Fetched now, so that being let in waits for nothing.
    import("./seats.js").catch(() => {});
  }, []);
  useEffect(() => {
    if (state !== "ACTIVE") return;
    enter(concertId, place.wanted);
  }, [state]);

  if (!signedIn.value) {
    return html`<${Page} title=${t("queue.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
    <//>`;
  }
  if (state === "WAITING") return html`<${Waiting} concertId=${concertId} place=${place} />`;
  if (state === "ACTIVE") return html`<${Page} title=${t("queue.yourTurn")} lead=${place.title} />`;
  return html`<${NoPlace} concertId=${concertId} place=${place} />`;
}

async function enter(concertId, wanted) {
  let performanceId = wanted;
  if (!performanceId) {
    const dates = await performancesOf(concertId).catch(() => []);
    performanceId = dates.find(({ bookable }) => bookable)?.performanceId;
  }
  navigate(performanceId ? path`/concerts/${concertId}/dates/${performanceId}` : path`/concerts/${concertId}`, { replace: true });
}

function Waiting({ concertId, place }) {
  const { view, startAhead, title, trouble } = place;
  const { busy, problem, run } = useAction();
  const [ask, setAsk] = useState(null);
  const done = view.ahead === 0 ? 1 - 1 / STICKS : Math.max(0, 1 - view.ahead / startAhead);
  const leaveLine = () =>
    setAsk({
      title: t("queue.leaveTitle"),
      text: t("queue.leaveText"),
      yes: t("queue.leave"),
      act: () =>
        run(async () => {
          await leave(concertId);
          navigate(path`/concerts/${concertId}`);
        }),
    });

  return html`
    <${Page} class="waiting" title=${title ?? t("queue.title")} lead=${t("queue.lead")} before=${html`<${Poster} id=${concertId} wide class="backdrop" />`}>
      <section class="line panel" aria-labelledby="ahead-label">
        <p class="ahead"><span id="ahead-label">${t("queue.ahead")}</span><b>${number(view.ahead)}</b><span>${view.ahead === 0 ? t("queue.nextUp") : t("queue.people", { n: view.ahead })}</span></p>
        <${Penlights} done=${done} />
        <dl class="counts">
          <div><dt>${t("queue.position")}</dt><dd>${number(view.position)}</dd></div>
          <div><dt>${t("queue.wait")}</dt><dd>${roughly(view.estimatedWaitSeconds)}</dd></div>
          <div><dt>${t("queue.next")}</dt><dd><${NextPoll} place=${place} /></dd></div>
        </dl>
        <p class="unseen" aria-live="polite">${t("queue.spoken", { n: view.ahead, span: roughly(view.estimatedWaitSeconds) })}</p>
        ${trouble && html`<${Note} tone="warn">${t("queue.trouble")}<//>`}
        <${ProblemNote} problem=${problem} retry=${leaveLine} />
      </section>
      <ul class="hints">
        <li><${Icon} name="check" />${t("queue.hintTabs")}</li>
        <li><${Icon} name="clock" />${t("queue.hintClose", { span: roughly((Date.parse(view.expiresAt) - Date.parse(view.serverTime)) / 1000) })}</li>
      </ul>
      <p class="center"><${Busy} type="button" class="quiet" busy=${busy} onClick=${leaveLine}>${t("queue.leave")}<//></p>
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    <//>
  `;
}

/** How far one has come, in penlights. */
function Penlights({ done }) {
  const lit = Math.round(done * STICKS);
  return html`
    <div class="penlights" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(done * 100)} aria-label=${t("queue.progress")}>
      ${Array.from({ length: STICKS }, (_, index) => html`<i key=${index} class=${index < lit ? "lit" : index === lit ? "next" : ""} />`)}
    </div>
  `;
}

function NextPoll({ place }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 250);
    return () => clearInterval(timer);
  }, []);
  const left = Math.ceil(untilNextPoll(place, false) / 1000);
  const justHeard = monotonic() - place.heardAt < 700;
  return html`<span class=${justHeard ? "fresh" : ""}>${t("span.exact", { n: left })}</span>`;
}

function NoPlace({ concertId, place }) {
  const { busy, problem, run } = useAction();
  const again = () =>
    run(async () => {
      const concert = place?.title ? { concertId, title: place.title } : await concertOf(concertId);
      await join(concert, place?.wanted);
    });
  const ended = place?.ended ?? (place ? "QUEUE_TOKEN_EXPIRED" : null);
  const dismiss = () => {
    forget(concertId);
    navigate(path`/concerts/${concertId}`);
  };
  return html`
    <${Page} class="narrow" title=${ended ? t("queue.endedTitle") : t("queue.noneTitle")} lead=${place?.title}>
      <${Note} tone=${ended ? "warn" : "info"}>${ended ? sentence({ code: ended }) : t("queue.noneText")}<//>
      <${ProblemNote} problem=${problem} retry=${again} />
      <p class="actions">
        ${ended === "SIGN_IN_REQUIRED"
          ? html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`
          : html`<${Busy} type="button" busy=${busy} onClick=${again}>${t("queue.joinAgain")}<//>`}
        <button type="button" class="button quiet" onClick=${dismiss}>${t("queue.toConcert")}</button>
      </p>
    <//>
  `;
}
