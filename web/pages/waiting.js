// What is shown of a place that has to be waited with, in the lobby and in the line.

import { html, navigate, useEffect, useState } from "../vendor/libraries.js";
import { askToNotify, mayAskToNotify } from "../calling.js";
import { secondsUntil } from "../clock.js";
import { t } from "../language.js";
import { Busy, Confirm, Note, path, ProblemNote, useAction } from "../parts.js";
import { leave } from "../places.js";

export const STICKS = 28;

/** The offer to be called. Pressing it also lets the page sound later. */
export function Bell() {
  const [answer, setAnswer] = useState(null);
  if (answer) return html`<p class="hint" role="status">${t(answer === "granted" ? "queue.willCall" : "queue.willCallHere")}</p>`;
  if (!mayAskToNotify()) return null;
  return html`<button type="button" class="button quiet" onClick=${async () => setAnswer(await askToNotify())}>${t("queue.callMe")}</button>`;
}

/** The line is broken: how long the place is safe, as far as is known. */
export function Trouble({ place }) {
  const [, draw] = useState(0);
  useEffect(() => {
    if (!place.trouble) return undefined;
    const timer = setInterval(() => draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [place.trouble]);
  if (!place.trouble) return null;
  return html`<${Note} tone="warn" live>${t(secondsUntil(place.view.expiresAt) > 0 ? "queue.trouble" : "queue.troubleLong")}<//>`;
}

/** The way out, asked about first. `words`: "queue" or "lobby", whose sentences say what is lost. */
export function Leave({ concertId, words }) {
  const { busy, problem, run } = useAction();
  const [ask, setAsk] = useState(null);
  const act = () =>
    run(async () => {
      await leave(concertId);
      navigate(path`/concerts/${concertId}`);
    });
  const open = () => setAsk({ title: t(`${words}.leaveTitle`), text: t(`${words}.leaveText`), yes: t(`${words}.leave`), act });
  return html`
    <${Busy} type="button" class="quiet" busy=${busy} onClick=${open}>${t(`${words}.leave`)}<//>
    <${ProblemNote} problem=${problem} retry=${open} />
    <${Confirm} ask=${ask} close=${() => setAsk(null)} />
  `;
}
