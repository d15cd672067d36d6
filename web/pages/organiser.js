// What all pages for organisers share: who may see them, the way from one to the other, and how they look.

import { html } from "../vendor/libraries.js";
import { clock, t } from "../language.js";
import { Busy, Note, Page, ProblemNote, signInFirst, useAction } from "../parts.js";
import { groups, renew, session, signedIn } from "../session.js";

// Only who comes here fetches how it looks. Without it the pages are plain, and work.
await new Promise((resolve) => {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("organiser.css", import.meta.url).href });
  sheet.onload = sheet.onerror = resolve;
  document.head.append(sheet);
});

/** A page that only organisers see; anybody else is told kindly. */
export const forOrganisers = (Inside) =>
  function Guarded(given) {
    if (!signedIn.value) {
      return html`<${Page} class="narrow" title=${t("board.title")}>
        <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
      <//>`;
    }
    if (!groups.value.includes("organiser")) return html`<${Refusal} />`;
    return html`<${Inside} key=${session.value.sub} ...${given} />`;
  };

/** Who was made an organiser a moment ago has a token that does not know it yet: it can be had anew. */
function Refusal() {
  const { busy, problem, run } = useAction();
  return html`
    <${Page} class="narrow" title=${t("board.refused.title")}>
      <${Note} tone="warn" live>${t(problem ? "errors.NETWORK" : "board.refused.text", { name: session.value.username })}<//>
      <div class="actions">
        <a class="button" href="#/">${t("nav.concerts")}</a>
        <${Busy} type="button" class="quiet" busy=${busy} onClick=${() => run(renew)}>${t("board.refused.again")}<//>
      </div>
    <//>
  `;
}

const PLACES = [
  ["/organiser", "board.sales.title"],
  ["/organiser/catalog", "board.catalog.title"],
  ["/organiser/log", "board.log.title"],
];

/** A page with the way to the others above it. `at` names the one that it belongs to. */
export function Board({ at, children, before, ...page }) {
  const ways = html`
    <nav class="ways" aria-label=${t("board.title")}>
      ${PLACES.map(([to, name]) => html`<a key=${to} href="#${to}" aria-current=${to === at ? "page" : undefined}>${t(name)}</a>`)}
    </nav>
    ${before}
  `;
  return html`<${Page} class="board" before=${ways} ...${page}>${children}<//>`;
}

/** Since when the numbers are true; and when no answer comes, that they are getting old. */
export function Since({ asOf, live: { problem, reload } }) {
  if (!asOf) return null;
  if (problem && !problem.transient) return html`<${ProblemNote} problem=${problem} retry=${reload} />`;
  if (!problem) return html`<p class="since"><i aria-hidden="true" />${t("board.since", { at: clock(asOf) })}</p>`;
  return html`<${Note} tone="warn" live actions=${html`<button type="button" class="button quiet" onClick=${reload}>${t("again")}</button>`}>${t("board.old", { at: clock(asOf) })}<//>`;
}
