// The catalog: a file, what it would change, its mistakes by line, and publishing it.

import { html, useMemo, useRef, useState } from "../vendor/libraries.js";
import { t } from "../language.js";
import { MOST_BYTES, publish } from "../organising.js";
import { Busy, Confirm, Countdown, Icon, Note, ProblemNote, useAction } from "../parts.js";
import { recall, remember } from "../storage.js";
import { CatalogChanges } from "./log.js";
import { Board, forOrganisers } from "./organiser.js";

const DRAFT = "publishing"; // {text, name, repeatAt}: a reload loses neither the text nor what waits to be finished

const kept = () => ({ text: "", name: null, repeatAt: null, ...recall(DRAFT, sessionStorage) });

export const Publishing = forOrganisers(function Publishing() {
  const [draft, setDraft] = useState(kept);
  const [found, setFound] = useState(null); // {text, changes, mistakes, applied}: what was said of which text
  const [ask, setAsk] = useState(null);
  const [unread, setUnread] = useState(null);
  const editor = useRef(null);
  const outcome = useRef(null);
  const working = useAction();
  const { text, repeatAt } = draft;
  const checked = found?.text === text ? found : null;

  const keep = (members) => {
    const next = { ...kept(), ...members };
    remember(DRAFT, next, sessionStorage);
    setDraft(next);
  };
  const send = (text, dryRun) =>
    working.run(async () => {
      const told = await publish(text, dryRun);
      setFound({ text, ...told, dryRun });
      if (!dryRun) keep({ repeatAt: told.repeatAt });
      outcome.current?.focus();
    });
  const take = async (file) => {
    setUnread(null);
    if (file.size > MOST_BYTES) return setUnread(t("board.catalog.tooLarge"));
    const text = await file.text().catch(() => null);
    if (text === null) return setUnread(t("board.catalog.unreadable"));
    keep({ text, name: file.name, repeatAt: null });
    return send(text, true);
  };
  const publishIt = () =>
    setAsk({
      title: t("board.catalog.publishTitle", { n: checked.changes.length }),
      text: checked.changes.some(({ kind }) => kind === "REMOVED") ? t("board.catalog.publishRemoving") : t("board.catalog.publishText"),
      yes: t("board.catalog.publish"),
      act: () => send(text, false),
    });
  const ready = checked?.dryRun && !checked.refused && checked.mistakes.length === 0 && checked.changes.length > 0;
  return html`
    <${Board} at="/organiser/catalog" title=${t("board.catalog.title")} lead=${t("board.catalog.lead")}>
      <${Drop} take=${take}>
        <div class="file-row">
          <label class="button quiet file"><${Icon} name="file" />${t("board.catalog.choose")}<input type="file" class="unseen" accept=".yaml,.yml,text/yaml,application/yaml" onChange=${({ target }) => target.files[0] && take(target.files[0]).then(() => void (target.value = ""))} /></label>
          <span class="hint">${draft.name ?? t("board.catalog.dropHint")}</span>
          ${!text && html`<button type="button" class="link" onClick=${() => keep({ text: t("board.catalog.example"), name: null, repeatAt: null })}>${t("board.catalog.startExample")}</button>`}
        </div>
        ${unread && html`<${Note} tone="bad" alert>${unread}<//>`}
        <${Editor} text=${text} mistakes=${checked?.mistakes ?? []} readOnly=${Boolean(repeatAt)} write=${(value) => keep({ text: value, repeatAt: null })} at=${editor} />
        <div class="actions">
          <${Busy} type="button" class=${ready ? "quiet" : ""} busy=${working.busy && !repeatAt} aria-disabled=${!text.trim() || working.busy || repeatAt ? "true" : undefined} onClick=${() => text.trim() && !repeatAt && send(text, true)}>${t("board.catalog.check")}<//>
          <${Busy} type="button" busy=${false} aria-disabled=${ready && !working.busy ? undefined : "true"} onClick=${() => ready && publishIt()}>${t("board.catalog.publish")}<//>
        </div>
      <//>
      <${ProblemNote} problem=${working.problem} retry=${() => send(text, repeatAt ? false : (found?.dryRun ?? true))} />
      <div ref=${outcome} tabindex="-1" class="outcome-of-check">
        ${repeatAt && html`<${Note} tone="warn" live title=${t("board.catalog.waiting")}>${t("board.catalog.waitingText")} <${Countdown} until=${repeatAt} label=${t("board.catalog.waitingFor")} onEnd=${() => send(text, false)} /><//>`}
        ${checked && html`<${Outcome} found=${checked} jump=${(line) => editor.current.jump(line)} waits=${Boolean(repeatAt)} />`}
        ${found && !checked && html`<p class="hint">${t("board.catalog.edited")}</p>`}
      </div>
      <${Confirm} ask=${ask} close=${() => setAsk(null)} />
    <//>
  `;
});

/** A place to drop a file on. */
function Drop({ take, children }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  };
  return html`
    <section class="panel drop ${over ? "over" : ""}" aria-label=${t("board.catalog.file")}
      onDragOver=${(event) => (event.preventDefault(), setOver(true))} onDragLeave=${({ currentTarget, relatedTarget }) => currentTarget.contains(relatedTarget) || setOver(false)} onDrop=${drop}>
      ${children}
    </section>
  `;
}

/** The text with its lines numbered; those with a mistake are marked. `at.current.jump(line)` goes to one. */
function Editor({ text, mistakes, readOnly, write, at }) {
  const area = useRef(null);
  const gutter = useRef(null);
  const lines = useMemo(() => text.split("\n").length, [text]);
  const wrong = new Set(mistakes.map(({ line }) => line));
  at.current = {
    jump(line) {
      const before = text.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
      const end = text.indexOf("\n", before);
      area.current.focus();
      area.current.setSelectionRange(before, end === -1 ? text.length : end);
      area.current.scrollTop = (line - 3) * Number.parseFloat(getComputedStyle(area.current).lineHeight);
      area.current.scrollLeft = 0;
      area.current.scrollIntoView({ block: "center" });
    },
  };
  return html`
    <div class="editor">
      <div class="gutter" aria-hidden="true"><div ref=${gutter}>${Array.from({ length: lines }, (_, index) => html`<span key=${index} class=${wrong.has(index + 1) ? "wrong-line" : ""}>${String(index + 1)}</span>`)}</div></div>
      <label class="unseen" for="catalog-text">${t("board.catalog.text")}</label>
      <textarea id="catalog-text" ref=${area} wrap="off" spellcheck=${false} autocomplete="off" autocapitalize="off" rows=${Math.max(8, Math.min(26, lines + 1))} readonly=${readOnly} value=${text}
        placeholder=${t("board.catalog.placeholder")} onInput=${({ target }) => write(target.value)} onScroll=${({ target }) => void (gutter.current.style.transform = `translateY(${-target.scrollTop}px)`)} />
    </div>
  `;
}

function Outcome({ found: { changes, mistakes, applied, refused, dryRun }, jump, waits }) {
  const many = changes.length;
  return html`
    ${mistakes.length > 0 &&
    html`<${Note} tone="bad" live title=${t("board.catalog.mistakes", { n: mistakes.length })}>
      <ol class="mistakes">
        ${mistakes.map(({ line, path, message }, index) => html`
          <li key=${index}>
            ${line ? html`<button type="button" class="button quiet small" onClick=${() => jump(line)}>${t("board.catalog.line", { n: line })}</button>` : ""}
            <span>${path && html`<code>${path}</code> `}${message}</span>
          </li>`)}
      </ol>
    <//>`}
    ${refused && mistakes.length === 0 && html`<${Note} tone="bad" live>${t("board.catalog.refused")}<//>`}
    ${applied && html`<${Note} tone="good" live title=${t("board.catalog.published")}>${t("board.catalog.publishedText")}<//>`}
    ${dryRun && !refused && mistakes.length === 0 && html`<${Note} tone=${many ? "good" : "info"} live>${t(many ? "board.catalog.fine" : "board.catalog.same", { n: many })}<//>`}
    ${many > 0 && html`<${Changes} changes=${changes} title=${t(applied ? "board.catalog.changed" : waits ? "board.catalog.changing" : "board.catalog.wouldChange")} />`}
  `;
}

/** The difference, concert by concert. */
function Changes({ changes, title }) {
  const concerts = [...new Set(changes.map(({ concertId }) => concertId))];
  return html`
    <section class="panel" aria-labelledby="changes-title">
      <h2 id="changes-title">${title}</h2>
      ${concerts.map(
        (concertId) => html`
          <section key=${concertId} class="changed-concert" aria-label=${concertId}>
            <h3>${concertId}</h3>
            <${CatalogChanges} changes=${changes.filter((change) => change.concertId === concertId)} />
          </section>
        `,
      )}
    </section>
  `;
}
