// The lobby: quiet until the draw, which is an event, and then one's number.

import { html, useEffect, useState } from "../vendor/libraries.js";
import { stayAwake } from "../calling.js";
import { secondsUntil, serverNow } from "../clock.js";
import { clock, dayAndTime, number, roughly, t } from "../language.js";
import { Countdown, href, Icon, Note, Page } from "../parts.js";
import { change, placeState } from "../places.js";
import { Poster } from "../poster.js";
import { Bell, Leave, STICKS, Trouble } from "./waiting.js";

const NEAR_S = 120; // so long before the draw it is time to be there
const FAR_S = 2 * 86_400;
const ARRIVE_MS = 1100; // what was drawn from stands there before the number moves
const ROLL_MS = 2200;
const REST_MS = 1000;

/** Draws anew at a time (RFC 3339) of the server's. */
function useTurnAt(...times) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return times.findIndex((time) => Date.parse(time) > serverNow());
}

const DrawLink = ({ concertId, children }) => html`<a href=${href`/concerts/${concertId}/draw`}>${children}</a>`;

export function Lobby({ concertId, place }) {
  const { title, lobby = {}, view } = place;
  const drawsAt = lobby.drawsAt ?? view.expiresAt;
  const closesAt = lobby.closesAt ?? drawsAt;
  const turn = useTurnAt(closesAt, drawsAt); // 0: open, 1: closed, −1: any moment
  const left = secondsUntil(turn === 0 ? closesAt : drawsAt);
  const near = left <= NEAR_S;
  useEffect(() => (near ? stayAwake() : undefined), [near]);
  const label = t(turn === 0 ? "lobby.until" : turn === 1 ? "lobby.untilNumbers" : "lobby.moment");
  return html`
    <${Page} class="waiting lobby" title=${title ?? t("lobby.title")} lead=${t(turn === 0 ? "lobby.lead" : "lobby.closedLead")}
      before=${html`<${Poster} id=${concertId} wide class="backdrop" />`}>
      <section class="line panel" aria-labelledby="until-label">
        <p class="ahead until"><span id="until-label">${label}</span>
          ${turn === -1
            ? html`<b class="dots" aria-hidden="true"><i /><i /><i /></b>`
            : left > FAR_S
              ? html`<b class="far">${roughly(left)}</b>`
              : html`<b><${Countdown} key=${turn} until=${turn === 0 ? closesAt : drawsAt} label=${label} /></b>`}
          <span>${dayAndTime(closesAt)}</span></p>
        <${Crowd} mine=${Math.floor(STICKS / 2)} moves=${turn !== 0} />
        <p class="unseen" aria-live="polite">${turn === 0 ? "" : label}</p>
        ${view.message && html`<${Note} tone="info" live>${view.message}<//>`}
        ${turn === 0 && near && html`<${Note} tone="good" live>${t("lobby.near")}<//>`}
        ${turn === -1 && place.late > 0 && html`<${Note} tone="warn" live>${t(lobby.hasBeacon ? "lobby.late" : "lobby.lateBare")}<//>`}
        <${Trouble} place=${place} />
      </section>
      <ul class="hints">
        <li><${Icon} name="check" />${t("lobby.hintEqual")}</li>
        <li><${Icon} name="ticket" />${t("lobby.hintReceipt")} <${DrawLink} concertId=${concertId}>${t("draw.how")}<//></li>
        <li><${Icon} name="clock" />${t("lobby.hintBack", { when: clock(drawsAt) })}</li>
      </ul>
      <div class="center actions">
        <${Bell} />
        <${Leave} concertId=${concertId} words="lobby" />
      </div>
    <//>
  `;
}

/** All who came, as penlights: one's own is lit. After the draw those ahead are lit too, and it stands where it was drawn. */
function Crowd({ mine, ahead = 0, moves = false }) {
  return html`
    <div class="penlights crowd ${moves ? "moves" : ""}" aria-hidden="true">
      ${Array.from({ length: STICKS }, (_, index) => html`<i key=${index} class=${index === mine ? "me" : index < ahead ? "lit" : ""} />`)}
    </div>
  `;
}

/** The draw, shown: what it was made from, then one's own number, which moves until it is found. */
export function Drawn({ concertId, place }) {
  const { title, drawn } = place;
  const { number: mine, entries, root, round, roundAt, shown, isMissing, callAt, keptUntil } = drawn;
  const state = placeState(place);
  const rolled = useRoll(mine ?? 0, entries, !shown, () => change(concertId, { drawn: { ...drawn, shown: true } }));
  useEffect(() => (state === "LOBBY" ? stayAwake() : undefined), [state]);
  const spot = mine ? Math.min(STICKS - 1, Math.floor(((rolled.value - 1) / Math.max(1, entries)) * STICKS)) : -1;
  return html`
    <${Page} class="waiting lobby drawn ${shown ? "still" : ""}" title=${title ?? t("draw.title")} lead=${t("drawn.lead")}
      before=${html`<${Poster} id=${concertId} wide class="backdrop" />`}>
      <section class="line panel" aria-labelledby="number-label">
        <ol class="made-from">
          <li><${Icon} name="people" /><span>${t("drawn.entries", { n: entries })}</span></li>
          <li><${Seal} root=${root} /><span>${t("drawn.root")} <code>${short(root)}</code></span></li>
          <li><${Icon} name=${round ? "again" : "info"} /><span>${round ? t("drawn.round", { round: String(round), when: clock(roundAt) }) : t("drawn.noBeacon")}</span></li>
        </ol>
        ${mine &&
        html`
          <p class="ahead"><span id="number-label">${t("drawn.yours")}</span><b aria-hidden="true" class=${rolled.over ? "settled" : ""}>${number(rolled.value)}</b><span aria-hidden="true">${t("drawn.of", { n: entries })}</span></p>
          <${Crowd} mine=${spot} ahead=${spot} />
          <p class="unseen" role="status">${rolled.over ? t("draw.yours", { n: mine, entries }) : ""}</p>
        `}
        ${isMissing && html`<${Note} tone="bad" alert actions=${html`<${DrawLink} concertId=${concertId}>${t("draw.check")}<//>`}>${t("drawn.missing")}<//>`}
        ${state === "ACTIVE" && html`<p class="center"><button type="button" class="button" onClick=${() => change(concertId, { drawn: { ...drawn, shown: true } })}>${t("drawn.goIn")}</button></p>`}
        ${state === "LOBBY" && html`<${FirstCall} at=${callAt} keptUntil=${keptUntil} />`}
        <${Trouble} place=${place} />
      </section>
      <p class="center actions">
        ${!isMissing && html`<${DrawLink} concertId=${concertId}>${t("draw.how")}<//>`}
        ${state === "LOBBY" && html`<${Leave} concertId=${concertId} words="queue" />`}
      </p>
    <//>
  `;
}

/** When this page takes the place in line. Nobody has to do anything, but somebody has to be there. */
function FirstCall({ at, keptUntil }) {
  const [, draw] = useState(0);
  const until = new Date(at).toISOString();
  return html`
    <p class="first-call">${secondsUntil(until) ? html`${t("drawn.calls")} <${Countdown} until=${until} label=${t("drawn.calls")} onEnd=${() => draw(1)} />` : t("drawn.calling")}</p>
    ${keptUntil > serverNow() && html`<p class="hint">${t("drawn.stay", { when: clock(keptUntil) })}</p>`}
  `;
}

/** A number on its way: from the last place to one's own, ever slower. Who wants no motion sees it at once. */
function useRoll(target, from, moves, onEnd) {
  const [value, setValue] = useState(moves ? from : target);
  const [over, setOver] = useState(!moves);
  useEffect(() => {
    if (!moves) {
      setValue(target);
      setOver(true);
      return undefined;
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || !target;
    let rest;
    const end = () => {
      setValue(target);
      setOver(true);
      rest = setTimeout(onEnd, REST_MS);
    };
    if (calm) {
      end();
      return () => clearTimeout(rest);
    }
    let begun = null;
    let frame = requestAnimationFrame(function step(now) {
      begun ??= now + ARRIVE_MS;
      const part = Math.min(1, Math.max(0, (now - begun) / ROLL_MS));
      if (part === 1) return end();
      setValue(Math.round(target + (from - target) * (1 - part) ** 3));
      frame = requestAnimationFrame(step);
      return undefined;
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(rest);
    };
  }, [moves]);
  return { value, over };
}

/** "aac1 da3d … cd48 ec52": enough of a root to compare by eye. */
export const short = (hex) => `${hex.slice(0, 4)} ${hex.slice(4, 8)} … ${hex.slice(-8, -4)} ${hex.slice(-4)}`;

/** A root as a picture: another list has another. */
export function Seal({ root }) {
  const cells = root.match(/../g).map((pair) => parseInt(pair, 16));
  return html`
    <svg class="seal" viewBox="0 0 8 4" aria-hidden="true" focusable="false">
      ${cells.map((byte, index) => html`<rect key=${index} x=${(index % 8) + 0.08} y=${Math.floor(index / 8) + 0.08} width="0.84" height="0.84" rx="0.22" class="grade-${byte % 6}" opacity=${0.3 + (0.7 * (byte >> 3)) / 31} />`)}
    </svg>
  `;
}
