// A draw, for everybody to check: what was published, how it follows, and one button that checks it line by line.

import { html, useState } from "../vendor/libraries.js";
import { concert as concertOf, drawOf } from "../catalog.js";
import { checkDraw, kept } from "../lobby.js";
import { dayAndTime, number, t, told } from "../language.js";
import { Busy, href, Icon, Loading, Note, Page, ProblemNote, useAction, useLoaded } from "../parts.js";
import { Seal, short } from "./lobby.js";

const ENTRY_BYTES = 32;
const MEGABYTE = 1_000_000;

export function Draw({ concertId }) {
  const loaded = useLoaded(() => Promise.all([drawOf(concertId), concertOf(concertId)]), [concertId]);
  if (loaded.problem && !loaded.value) {
    return html`<${Page} class="draw" title=${t("draw.title")}><${ProblemNote} problem=${loaded.problem} retry=${loaded.reload} /><//>`;
  }
  const [draw, concert] = loaded.value ?? [];
  return html`
    <${Page} class="draw" title=${t("draw.title")} lead=${concert && html`<a href=${href`/concerts/${concertId}`}>${told(concert, "title")}</a>`}>
      ${!draw ? html`<${Loading} lines=${5} />` : html`
        ${draw.status === "DRAWN" ? html`<${Published} concertId=${concertId} draw=${draw} />` : html`<${Note} tone="info">${t(`draw.status.${draw.status}`, { when: dayAndTime(draw.status === "UPCOMING" ? draw.lobbyOpensAt : draw.closesAt) })}<//>`}
        <${How} draw=${draw} />
        <${Receipt} concertId=${concertId} />
      `}
    <//>
  `;
}

/** What was drawn, and the check of it. */
function Published({ concertId, draw }) {
  const mine = kept(concertId).number;
  const { busy, problem, run } = useAction();
  const [part, setPart] = useState(0);
  const [found, setFound] = useState(null);
  const check = () =>
    run(async () => {
      setFound(null);
      setFound(await checkDraw(concertId, draw, setPart).catch(unreadable));
    });
  const size = draw.entries * ENTRY_BYTES;
  return html`
    <section class="panel published" aria-labelledby="published">
      <h2 id="published">${t("draw.published")}</h2>
      <dl>
        <div><dt>${t("draw.entries")}</dt><dd>${number(draw.entries)}</dd></div>
        ${mine && html`<div><dt>${t("drawn.yours")}</dt><dd>${number(mine)}</dd></div>`}
        <div><dt>${t("draw.root")}</dt><dd><${Seal} root=${draw.entriesRoot} /><code title=${draw.entriesRoot}>${short(draw.entriesRoot)}</code></dd></div>
        <div><dt>${t("draw.secret")}</dt><dd><code title=${draw.secret}>${short(draw.secret)}</code></dd></div>
        <div><dt>${t("draw.beacon")}</dt><dd>${draw.beacon ? html`${t("draw.round", { round: String(draw.beacon.round) })}<small> ${dayAndTime(draw.beacon.roundAt)}</small>` : t("draw.none")}</dd></div>
        <div><dt>${t("draw.seed")}</dt><dd><code title=${draw.seed}>${short(draw.seed)}</code></dd></div>
      </dl>
      <p class="actions"><${Busy} type="button" busy=${busy} onClick=${check}>${t("draw.check")}<//></p>
      <p class="hint">${size > MEGABYTE ? t("draw.large", { n: Math.ceil(size / MEGABYTE) }) : t("draw.checkHint")}</p>
      ${busy && html`<progress class="reading" value=${part} max="1" aria-label=${t("draw.reading")} />`}
      <${ProblemNote} problem=${problem} retry=${check} />
      ${found && html`<${Found} found=${found} draw=${draw} />`}
    </section>
  `;
}

/** What was published is not even what it should look like: that is a finding too, and no refusal of the line. */
function unreadable(problem) {
  if (problem.code) throw problem;
  return { passed: [], failed: ["readable"], unchecked: [] };
}

function Found({ found: { passed, failed, unchecked, number: mine }, draw }) {
  const values = { n: draw.entries, round: String(draw.beacon?.round), number: mine };
  const line = (kind, name, icon) => {
    const which = name === "piece" && !mine ? "pieceOnly" : name === "seed" && !draw.beacon ? "seedBare" : name;
    return html`<li key=${name} class=${kind}><${Icon} name=${icon} /><span>${t(`draw.${kind}.${which}`, values)}</span></li>`;
  };
  return html`
    <div class="findings">
      ${failed.length
        ? html`<${Note} tone="bad" alert title=${t("draw.wrong", { n: failed.length })}>${t("draw.wrongText")}<//>`
        : html`<${Note} tone="good" live title=${t("draw.right", { n: passed.length })}>${t(draw.beacon ? "draw.rightText" : "draw.rightBare")}<//>`}
      <ul class="checked">
        ${failed.map((name) => line("failed", name, "cross"))}
        ${passed.map((name) => line("passed", name, "check"))}
        ${unchecked.map((name) => line("unchecked", name, "info"))}
      </ul>
    </div>
  `;
}

const STEPS = ["entry", "list", "bound", "order"];

function How({ draw }) {
  const steps = STEPS.map((name) => html`<li key=${name}>${t(`draw.step.${name}`)}</li>`);
  return html`
    <section class="how" aria-labelledby="how">
      <h2 id="how">${t("draw.how")}</h2>
      <ol>${steps}</ol>
      ${draw.beacon === null && draw.status !== "DRAWN" && html`<${Note} tone="warn">${t("draw.unchecked.beacon")}<//>`}
    </section>
  `;
}

/** One's own receipt, to keep and to show to anybody. */
function Receipt({ concertId }) {
  const { receipt } = kept(concertId);
  if (!receipt) return html`<p class="hint">${t("draw.noReceipt")}</p>`;
  const text = JSON.stringify(receipt, null, 2);
  return html`
    <details class="receipt">
      <summary>${t("draw.receipt")}</summary>
      <p class="hint">${t("draw.receiptText")}</p>
      <pre tabindex="0">${text}</pre>
      <a class="button quiet small" download="receipt-${concertId}.json" href=${`data:application/json,${encodeURIComponent(text)}`}>${t("draw.saveReceipt")}</a>
    </details>
  `;
}
