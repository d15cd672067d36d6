// The waiting room. It asks the network for nothing but its polls.

import { html, navigate, useEffect, useMemo, useState } from "../vendor/libraries.js";
import { prepareCall, stayAwake } from "../calling.js";
import { concert as concertOf, performancesNow } from "../catalog.js";
import { monotonic } from "../clock.js";
import { clockFace, language, number, roughly, roundedDown, t } from "../language.js";
import { Busy, href, Icon, Note, Page, path, ProblemNote, sentence, signInFirst, useAction } from "../parts.js";
import { endOf, forget, join, places, placeState, untilNextPoll } from "../places.js";
import { Poster } from "../poster.js";
import { signedIn } from "../session.js";
import { Drawn, Lobby } from "./lobby.js";
import { Bell, Leave, STICKS, Trouble } from "./waiting.js";

const NEAR_S = 120; // so long before one's turn it is time to be there

export function Queue({ concertId }) {
  const place = places.value[concertId];
  const state = placeState(place);

  useEffect(() => {
    // Fetched now, so that being let in waits for nothing.
    import("./seats.js").catch(() => {});
  }, []);
  // The draw is seen to its end; whoever is let in meanwhile goes in then, or before by a button.
  const isRevealing = Boolean(place?.drawn && !place.drawn.shown);
  useEffect(() => {
    if (state === "ACTIVE" && !isRevealing) enter(concertId, place.wanted);
  }, [state, isRevealing]);

  if (!signedIn.value) {
    return html`<${Page} title=${t("queue.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
    <//>`;
  }
  if (place?.drawn && (state === "LOBBY" || (isRevealing && state !== "ENDED"))) return html`<${Drawn} concertId=${concertId} place=${place} />`;
  if (state === "LOBBY") return html`<${Lobby} concertId=${concertId} place=${place} />`;
  if (state === "WAITING") return html`<${Waiting} concertId=${concertId} place=${place} />`;
  if (state === "ACTIVE") return html`<${Page} title=${t("queue.yourTurn")} lead=${place.title} />`;
  return html`<${NoPlace} concertId=${concertId} place=${place} />`;
}

async function enter(concertId, wanted) {
  let performanceId = wanted;
  if (!performanceId) {
    const dates = await performancesNow(concertId).catch(() => []); // before the opening none was bookable
    performanceId = dates.find(({ bookable }) => bookable)?.performanceId;
  }
  navigate(performanceId ? path`/concerts/${concertId}/dates/${performanceId}` : path`/concerts/${concertId}`, { replace: true });
}

function Waiting({ concertId, place }) {
  const { view, startAhead, title, drawn } = place;
  const ahead = view.ahead ?? 0;
  const paused = view.saleStatus === "PAUSED";
  const left = useEstimate(place);
  const near = !paused && left !== null && left <= NEAR_S;
  const wait = paused ? t("queue.waitPaused") : left === null ? "–" : roughly(left);
  const done = ahead === 0 ? 1 - 1 / STICKS : Math.max(0, 1 - ahead / startAhead);
  const spoken = useMemo(() => t("queue.spoken", { n: ahead, span: wait }), [view, language.value]); // once for each poll
  useEffect(() => (near ? stayAwake() : undefined), [near]);

  return html`
    <${Page} class="waiting" title=${title ?? t("queue.title")} lead=${t("queue.lead")} before=${html`<${Poster} id=${concertId} wide class="backdrop" />`}>
      <section class="line panel" aria-labelledby="ahead-label">
        <p class="ahead"><span id="ahead-label">${t(ahead ? "queue.ahead" : "queue.aheadNone")}</span><b>${number(ahead)}</b><span>${ahead === 0 ? t("queue.nextUp") : t("queue.people", { n: ahead })}</span></p>
        <${Penlights} done=${done} />
        <dl class="counts">
          <div><dt>${t("queue.wait")}</dt><dd>${wait}</dd></div>
          <div><dt>${t("queue.next")}</dt><dd><${NextPoll} place=${place} /></dd></div>
        </dl>
        <p class="unseen" aria-live="polite">${spoken}</p>
        ${paused && html`<${Note} tone="warn" live>${t("queue.paused")}<//>`}
        ${view.message && html`<${Note} tone="info" live>${view.message}<//>`}
        ${near && html`<${Note} tone="good" live>${t("queue.near")}<//>`}
        <${Trouble} place=${place} />
      </section>
      <ul class="hints">
        ${drawn?.number && html`<li><${Icon} name="ticket" />${t("draw.yours", { n: drawn.number, entries: drawn.entries })} <a href=${href`/concerts/${concertId}/draw`}>${t("draw.check")}</a></li>`}
        <li><${Icon} name="check" />${t("queue.hintTabs")}</li>
        <li><${Icon} name="clock" />${t("queue.hintClose", { span: roundedDown((Date.parse(view.expiresAt) - Date.parse(view.serverTime)) / 1000) })}</li>
      </ul>
      <div class="center actions">
        <${Bell} />
        <${Leave} concertId=${concertId} words="queue" />
      </div>
    <//>
  `;
}

/** The wait that was told, less what has passed since: there may be minutes between polls. */
function useEstimate({ view: { estimatedWaitSeconds: told }, heardAt }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return told === null ? null : Math.max(0, told - (monotonic() - heardAt) / 1000);
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
  return html`<span class=${justHeard ? "fresh" : ""}>${left < 100 ? t("span.exact", { n: left }) : clockFace(left)}</span>`;
}

const WHY = { leftLobby: "lobby.leftElsewhere", missed: "queue.missed", timeOver: "queue.timeOver" };

function NoPlace({ concertId, place }) {
  const { busy, problem, run } = useAction();
  const again = () => {
    prepareCall();
    return run(async () => {
      const concert = place?.title && !place.lobby ? { concertId, title: place.title } : await concertOf(concertId);
      await join(concert, place?.wanted);
    });
  };
  const ended = endOf(place);
  const over = ["SALES_CLOSED", "SOLD_OUT", "NO_PERFORMANCES"].includes(ended);
  const dismiss = () => {
    forget(concertId);
    navigate(path`/concerts/${concertId}`);
  };
  const why = ended ? (WHY[ended] ? t(WHY[ended]) : sentence({ code: ended })) : t("queue.noneText");
  return html`
    <${Page} class="narrow" title=${ended ? t("queue.endedTitle") : t("queue.noneTitle")} turn=${ended ?? "none"} lead=${place?.title}>
      <${Note} tone=${ended ? "warn" : "info"} live>${why}<//>
      <${ProblemNote} problem=${problem} retry=${again} />
      <p class="actions">
        ${ended === "SIGN_IN_REQUIRED" && html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}
        ${ended !== "SIGN_IN_REQUIRED" && !over && html`<${Busy} type="button" busy=${busy} onClick=${again}>${t("queue.joinAgain")}<//>`}
        <button type="button" class="button quiet" onClick=${dismiss}>${t("queue.toConcert")}</button>
      </p>
    <//>
  `;
}
