// All concerts, as a wall of posters.

import { html, useEffect, useState } from "../vendor/libraries.js";
import { concertPage, salesPhase } from "../catalog.js";
import { serverNow } from "../clock.js";
import { day, shortDay, t, time } from "../language.js";
import { Busy, href, Icon, Page, ProblemNote, useAction } from "../parts.js";
import { Poster } from "../poster.js";

const HALF_A_YEAR_MS = 182 * 86_400_000;

export function Concerts() {
  const [{ items, nextCursor }, setShown] = useState({ items: null, nextCursor: null });
  const { busy, problem, run } = useAction();
  const more = () =>
    run(async () => {
      const page = await concertPage(nextCursor);
      setShown({ items: [...(items ?? []), ...page.items], nextCursor: page.nextCursor });
    });
  useEffect(() => void more(), []);

  return html`
    <${Page} title=${t("concerts.title")} lead=${t("concerts.lead")} class="concerts">
      <p class="unseen" role="status">${busy ? t("loading") : ""}</p>
      <ul class="wall" aria-busy=${busy}>
        ${items?.map((concert) => html`<li key=${concert.concertId}><${Card} concert=${concert} /></li>`)}
        ${!items && !problem && [0, 1, 2].map((index) => html`<li key=${index} aria-hidden="true"><div class="card bone-card" /></li>`)}
      </ul>
      ${items?.length === 0 && html`<p class="empty">${t("concerts.none")}</p>`}
      <${ProblemNote} problem=${problem} retry=${more} />
      ${nextCursor && !problem && html`<p class="more"><${Busy} type="button" class="quiet" busy=${busy} onClick=${more}>${t("more")}<//></p>`}
    <//>
  `;
}

function Card({ concert }) {
  const { concertId, title, artist, venue } = concert;
  return html`
    <a class="card" href=${href`/concerts/${concertId}`}>
      <${Poster} id=${concertId} />
      <div class="card-text">
        <${PhaseTag} concert=${concert} />
        <h2>${title}</h2>
        <p class="card-artist">${artist}</p>
        <p class="card-venue"><${Icon} name="pin" />${venue}</p>
      </div>
    </a>
  `;
}

/** On sale, soon, or over; in words and with a sign, not by colour alone. */
export function PhaseTag({ concert }) {
  const phase = salesPhase(concert, serverNow());
  if (phase === "soon") {
    const opens = concert.salesOpenAt;
    const date = Date.parse(opens) - serverNow() < HALF_A_YEAR_MS ? shortDay(opens) : day(opens);
    return html`<span class="tag soon"><${Icon} name="clock" />${t("phase.soon", { when: `${date} ${time(opens)}` })}</span>`;
  }
  if (phase === "closed") return html`<span class="tag closed"><${Icon} name="cross" />${t("phase.closed")}</span>`;
  return html`<span class="tag open" title=${concert.salesCloseAt ? t("phase.until", { when: day(concert.salesCloseAt) }) : undefined}><${Icon} name="ticket" />${t("phase.open")}</span>`;
}
