// The line of one concert: pause, open, how many may be in, what waiting fans read; and who did what with it.

import { html, useEffect, useState } from "../vendor/libraries.js";
import { number, t, told } from "../language.js";
import { useLive } from "../live.js";
import { changeLine, salesBefore, salesNow } from "../organising.js";
import { Busy, Confirm, href, Icon, Loading, Note, ProblemNote, readAmount, useAction } from "../parts.js";
import { recall, remember } from "../storage.js";
import { Dates } from "./dates.js";
import { LogEntries } from "./log.js";
import { Board, forOrganisers, Since } from "./organiser.js";
import { Attention, LineCounts, SaleTag } from "./sales.js";

const LONGEST = 200; // characters of a message, by the contract
const MOST_IN = 100_000;

export const LinePage = forOrganisers(function LinePage({ concertId }) {
  const find = (concerts) => concerts?.find((one) => one.concertId === concertId) ?? null;
  const live = useLive(salesNow, undefined, salesBefore());
  const [turn, setTurn] = useState(0); // one more for each change: the log is read again
  const concert = find(live.value);
  const changed = async () => {
    setTurn((count) => count + 1);
    await live.reload();
  };
  const up = html`<a class="up" href="#/organiser"><${Icon} name="back" />${t("board.sales.title")}</a>`;
  if (!concert) {
    const missing = live.value && { code: "CONCERT_NOT_FOUND" };
    return html`<${Board} at="/organiser" title=${t("board.line.title")} before=${up}>
      ${missing || live.problem ? html`<${ProblemNote} problem=${missing ?? live.problem} retry=${live.reload} />` : html`<${Loading} lines=${6} />`}
    <//>`;
  }
  return html`
    <${Board} at="/organiser" title=${told(concert, "title")} before=${up}>
      <${Since} asOf=${concert.asOf} live=${live} />
      <${Attention} attention=${concert.attention} />
      <div class="line-grid">
        <${State} concert=${concert} changed=${changed} />
        <${Message} key=${concertId} concert=${concert} changed=${changed} />
      </div>
      <section class="panel" aria-labelledby="dates-title">
        <h2 id="dates-title">${t("concert.dates")}</h2>
        <${Dates} title=${told(concert, "title")} performances=${concert.performances} />
      </section>
      <section class="panel" aria-labelledby="log-title">
        <h2 id="log-title">${t("board.log.ofConcert")}</h2>
        <${LogEntries} key=${turn} concertId=${concertId} />
      </section>
    <//>
  `;
});

/** How it stands, and the two things that change it at once. */
function State({ concert, changed }) {
  const { concertId, queue, saleStatus } = concert;
  const [ask, setAsk] = useState(null);
  const turning = useAction();
  const [said, setSaid] = useState("");
  const change = (changes, what) =>
    turning.run(async () => {
      setSaid("");
      await changeLine(concertId, changes);
      if ("message" in changes) remember(draftOf(concertId), null, sessionStorage);
      setSaid(what);
      await changed();
    });
  const pause = () => {
    const message = recall(draftOf(concertId), sessionStorage)?.trim(); // written beside it, perhaps just now
    const told = message && message !== queue.message;
    setAsk({
      title: t("board.line.pauseTitle"),
      text: `${t("board.line.pauseText")} ${told ? t("board.line.pauseTelling", { message }) : ""}`,
      yes: t("board.line.pause"),
      act: () => change({ paused: true, ...(told && { message }) }, t("board.line.pausedNow")),
    });
  };
  const open = () => {
    if (queue.capacity === 0) {
      setSaid(t("board.line.noRoom"));
      document.getElementById("capacity").focus();
      return;
    }
    setAsk({
      title: t("board.line.openTitle"),
      text: `${t("board.line.openText", { n: queue.waiting, room: Math.max(0, queue.capacity - queue.active) })} ${queue.message ? t("board.line.openClearing", { message: queue.message }) : ""}`,
      yes: t("board.line.openLine"),
      act: () => change({ paused: false, ...(queue.message && { message: null }) }, t("board.line.openNow")),
    });
  };
  return html`
    <section class="panel state" aria-labelledby="state-title">
      <h2 id="state-title">${t("board.line.title")}</h2>
      <p class="state-now"><${SaleTag} status=${saleStatus} />${queue.paused && saleStatus !== "PAUSED" && html`<span class="tag paused"><${Icon} name="pause" />${t("board.status.PAUSED")}</span>`}</p>
      <${LineCounts} queue=${queue} />
      <${Busy} type="button" class=${queue.paused ? "wide" : "danger wide"} busy=${turning.busy} onClick=${queue.paused ? open : pause}>
        ${queue.paused ? t("board.line.openLine") : t("board.line.pause")}
      <//>
      <p class="told" role="status">${said}</p>
      <${ProblemNote} problem=${turning.problem} retry=${queue.paused ? open : pause} />
      <${Capacity} concert=${concert} changed=${changed} />
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    </section>
  `;
}

function Capacity({ concert: { concertId, queue }, changed }) {
  const [text, setText] = useState(null); // null: as it is
  const [ask, setAsk] = useState(null);
  const [said, setSaid] = useState("");
  const { busy, problem, run } = useAction();
  const capacity = text === null ? queue.capacity : readAmount(text);
  const isWrong = !(capacity >= 0 && capacity <= MOST_IN);
  const isSame = capacity === queue.capacity;
  const change = () =>
    run(async () => {
      setSaid("");
      await changeLine(concertId, { capacity });
      await changed();
      setText(null);
      setSaid(t("board.line.capacityNow", { n: capacity }));
    });
  const submit = (event) => {
    event.preventDefault();
    if (isWrong || isSame) return;
    const text = capacity < queue.active ? t("board.line.capacityLess", { n: queue.active }) : capacity > queue.capacity * 2 ? t("board.line.capacityMore", { n: capacity - queue.active }) : null;
    if (text) setAsk({ title: t("board.line.capacityTitle", { n: capacity }), text, yes: t("board.line.capacitySet"), act: change });
    else change();
  };
  return html`
    <form class="form capacity" onSubmit=${submit} novalidate>
      <div class="field">
        <label for="capacity">${t("board.line.capacity")}</label>
        <div class="beside">
          <input id="capacity" inputmode="numeric" autocomplete="off" maxlength="7" value=${text ?? String(queue.capacity)} aria-invalid=${isWrong} aria-describedby="capacity-hint" onInput=${({ target }) => setText(target.value)} />
          <${Busy} type="submit" class="quiet" busy=${busy} aria-disabled=${isWrong || isSame || busy ? "true" : undefined}>${t("board.line.capacitySet")}<//>
        </div>
        <p id="capacity-hint" class="hint ${isWrong ? "wrong" : ""}">${t("board.line.capacityHint", { most: number(MOST_IN) })}</p>
      </div>
      <p class="told" role="status">${said}</p>
      <${ProblemNote} problem=${problem} retry=${change} />
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    </form>
  `;
}

const draftOf = (concertId) => `message.${concertId}`;

/** What waiting fans read; written here, it outlives a reload until it is shown. */
function Message({ concert: { concertId, queue }, changed }) {
  const [draft, setDraft] = useState(recall(draftOf(concertId), sessionStorage));
  const [said, setSaid] = useState("");
  const { busy, problem, run } = useAction();
  useEffect(() => setDraft(recall(draftOf(concertId), sessionStorage)), [queue.message]); // shown, or taken away, elsewhere
  const text = draft ?? queue.message ?? "";
  const message = text.trim();
  const isLong = message.length > LONGEST;
  const isNew = message !== (queue.message ?? "");
  const write = (value) => {
    setDraft(value);
    remember(draftOf(concertId), value, sessionStorage);
  };
  const show = (value) =>
    run(async () => {
      setSaid("");
      await changeLine(concertId, { message: value });
      write(null);
      setSaid(t(value === null ? "board.line.messageGone" : "board.line.messageShown"));
      await changed();
    });
  const submit = (event) => {
    event.preventDefault();
    if (message && isNew && !isLong) show(message);
  };
  return html`
    <section class="panel" aria-labelledby="message-title">
      <h2 id="message-title">${t("board.line.message")}</h2>
      <form class="form" onSubmit=${submit} novalidate>
        <div class="field">
          <label class="unseen" for="message">${t("board.line.message")}</label>
          <textarea id="message" rows="3" value=${text} placeholder=${t("board.line.messageExample")} aria-invalid=${isLong} aria-describedby="message-hint" onInput=${({ target }) => write(target.value)} />
          <p id="message-hint" class="hint ${isLong ? "wrong" : ""}">${t("board.line.messageHint", { n: message.length, most: LONGEST })}</p>
        </div>
        <div class="preview" role="group" aria-label=${t("board.line.preview")}>
          <p class="hint">${t("board.line.preview")}</p>
          ${queue.paused && html`<${Note} tone="warn">${t("queue.paused")}<//>`}
          ${message ? html`<${Note}>${message}<//>` : !queue.paused && html`<p class="hint">${t("board.line.previewNone")}</p>`}
        </div>
        <div class="actions">
          <${Busy} type="submit" busy=${busy} aria-disabled=${!message || !isNew || isLong || busy ? "true" : undefined}>${t("board.line.messageShow")}<//>
          ${queue.message && html`<button type="button" class="button quiet" onClick=${() => show(null)}>${t("board.line.messageRemove")}</button>`}
        </div>
        <p class="told" role="status">${said}</p>
        <${ProblemNote} problem=${problem} retry=${() => show(message || null)} />
      </form>
    </section>
  `;
}
