// The page's frame: what is on every page, and which page is shown.

import { effect, html, navigate, render, Route, Router, Switch, untracked, useEffect, useHashLocation, useLocation, useState } from "./vendor/libraries.js";
import { language, points, speak, t } from "./language.js";
import { Concerts } from "./pages/concerts.js";
import { Bones, Countdown, href, Icon, Note, Page } from "./parts.js";
import { isKept, places, placeState, startKeeping } from "./places.js";
import { groups, session, signOut } from "./session.js";
import { settings } from "./settings.js";
import { remember } from "./storage.js";

/** A page that is fetched when it is first asked for. */
function later(load) {
  let page = null;
  return function Later({ params }) {
    const [state, setState] = useState({ page });
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      if (page) return;
      load().then(
        (loaded) => setState({ page: (page = loaded) }),
        () => setState({ failed: true }),
      );
    }, [attempt]);
    // Parameters are the key: another concert is another page, not the same one with other numbers in it.
    if (state.page) return html`<${state.page} key=${JSON.stringify(params)} ...${params} />`;
    if (state.failed) {
      return html`<${Note} tone="warn" alert actions=${html`<button type="button" class="button quiet" onClick=${() => setAttempt(attempt + 1)}>${t("again")}</button>`}>
        ${t("errors.NETWORK")}
      <//>`;
    }
    return html`<${Bones} lines=${4} />`;
  };
}

const Concert = later(async () => (await import("./pages/concert.js")).Concert);
const Queue = later(async () => (await import("./pages/queue.js")).Queue);
const Draw = later(async () => (await import("./pages/draw.js")).Draw);
const Seats = later(async () => (await import("./pages/seats.js")).Seats);
const Reservations = later(async () => (await import("./pages/reservations.js")).Reservations);
const Reservation = later(async () => (await import("./pages/reservation.js")).Reservation);
const Points = later(async () => (await import("./pages/points.js")).Points);
const Sales = later(async () => (await import("./pages/sales.js")).Sales);
const LinePage = later(async () => (await import("./pages/line.js")).LinePage);
const DatePage = later(async () => (await import("./pages/date.js")).DatePage);
const Publishing = later(async () => (await import("./pages/publishing.js")).Publishing);
const Log = later(async () => (await import("./pages/log.js")).Log);
const Door = later(async () => (await import("./pages/door.js")).Door);
const SignIn = later(async () => (await import("./pages/sign.js")).SignIn);
const SignUp = later(async () => (await import("./pages/sign.js")).SignUp);

const parameters = ({ params }) => Object.fromEntries(Object.entries(params).filter(([key]) => Number.isNaN(Number(key))));
const show = (page) => (params) => html`<${page} params=${parameters({ params })} />`;

function Pages() {
  return html`
    <${Switch}>
      <${Route} path="/">${() => html`<${Concerts} />`}<//>
      <${Route} path="/concerts/:concertId">${show(Concert)}<//>
      <${Route} path="/concerts/:concertId/queue">${show(Queue)}<//>
      <${Route} path="/concerts/:concertId/draw">${show(Draw)}<//>
      <${Route} path="/concerts/:concertId/dates/:performanceId">${show(Seats)}<//>
      <${Route} path="/reservations">${show(Reservations)}<//>
      <${Route} path="/reservations/:reservationId">${show(Reservation)}<//>
      <${Route} path="/points">${show(Points)}<//>
      <${Route} path="/organiser">${show(Sales)}<//>
      <${Route} path="/organiser/concerts/:concertId">${show(LinePage)}<//>
      <${Route} path="/organiser/dates/:performanceId">${show(DatePage)}<//>
      <${Route} path="/organiser/catalog">${show(Publishing)}<//>
      <${Route} path="/organiser/log">${show(Log)}<//>
      <${Route} path="/door">${show(Door)}<//>
      <${Route} path="/door/:performanceId">${show(Door)}<//>
      <${Route} path="/sign-in">${show(SignIn)}<//>
      <${Route} path="/sign-up">${show(SignUp)}<//>
      <${Route}>
        <${Page} title=${t("lost.title")} lead=${t("lost.text")}>
          <p><a class="button" href="#/">${t("nav.concerts")}</a></p>
        <//>
      <//>
    <//>
  `;
}

function Top() {
  const [here] = useLocation();
  const link = (to, label, also) => {
    const current = here === to || (also && here.startsWith(also));
    return html`<a href="#${to}" aria-current=${current ? "page" : undefined}>${label}</a>`;
  };
  const user = session.value;
  return html`
    <header class="top">
      <div class="top-in">
        <a class="mark" href="#/" aria-label=${t("name")}>
          <span class="mark-bars" aria-hidden="true"><i /><i /><i /><i /></span><b>OST</b><span class="mark-name">${t("nav.tagline")}</span>
        </a>
        <nav class="nav" aria-label=${t("nav.label")}>
          ${link("/", t("nav.concerts"), "/concerts")} ${link("/reservations", t("nav.reservations"), "/reservations")} ${link("/points", t("nav.points"))}
          ${groups.value.includes("organiser") && link("/organiser", t("board.nav"), "/organiser/")}
          ${groups.value.includes("staff") && link("/door", t("nav.door"), "/door")}
        </nav>
        <div class="top-end">
          <${Tongues} />
          ${user
            ? html`<div class="who">
                <span class="who-name" title=${user.username}><${Icon} name="user" /><span class="unseen">${t("sign.as")}</span><span>${user.username}</span></span>
                <button type="button" class="link" onClick=${leaveHouse}>${t("sign.out")}</button>
              </div>`
            : html`<a class="button small" href="#/sign-in" onClick=${() => rememberHere(here)}>${t("sign.in")}</a>`}
        </div>
      </div>
    </header>
  `;
}

function rememberHere(here) {
  if (!here.startsWith("/sign-")) remember("return", here, sessionStorage);
}

function leaveHouse() {
  signOut();
  navigate("/");
}

function Tongues() {
  const tongue = (tag, label, full) => html`
    <button type="button" lang=${tag} aria-pressed=${language.value === tag} aria-label=${full} onClick=${() => speak(tag)}>${label}</button>
  `;
  return html`<div class="tongues" role="group" aria-label=${t("language")}>${tongue("ko", "한", "한국어")}${tongue("en", "EN", "English")}</div>`;
}

/** Wherever one is, a place in line is in sight. */
function Dock() {
  const [here] = useLocation();
  // Not where the place is on the page anyway, and not at the counter, where another countdown matters.
  const counter = here.startsWith("/reservations/");
  const lines = Object.entries(places.value).filter(
    ([concertId, place]) => (here.endsWith("/draw") || !here.startsWith(`/concerts/${encodeURIComponent(concertId)}/`)) && !(counter && placeState(place) === "ACTIVE"),
  );
  return lines.map(([concertId, place]) => html`<${Line} key=${concertId} concertId=${concertId} place=${place} />`);
}

function Line({ concertId, place }) {
  const [, draw] = useState(0);
  const state = placeState(place);
  if (isKept(place)) {
    const told = state === "WAITING" ? t("dock.waiting", { n: place.view.ahead }) : place.drawn?.number ? t("dock.drawn", { n: place.drawn.number }) : t("dock.lobby");
    return html`<a class="dock" href=${href`/concerts/${concertId}/queue`}>
      <${Icon} name="people" /><span><b>${place.title}</b> ${told}</span><${Icon} name="next" />
    </a>`;
  }
  if (state === "ACTIVE") {
    const to = place.wanted ? href`/concerts/${concertId}/dates/${place.wanted}` : href`/concerts/${concertId}`;
    return html`<a class="dock open" href=${to}>
      <${Icon} name="ticket" /><span><b>${place.title}</b> ${t("dock.active")} <${Countdown} until=${place.view.activeUntil} label=${t("dock.window")} onEnd=${() => draw(1)} /></span><${Icon} name="next" />
    </a>`;
  }
  return null;
}

function App() {
  return html`
    <${Router} hook=${useHashLocation}>
      <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.getElementById("main").focus())}>${t("nav.skip")}</a>
      <${Top} />
      <main id="main" class="shell" tabindex="-1"><${Dock} /><${Pages} /></main>
      <footer class="foot"><p>${t("foot.text")}</p></footer>
    <//>
  `;
}

// Who is let in while looking elsewhere is called.
let waitingIn = new Set();
effect(() => {
  const all = Object.entries(places.value);
  const letIn = all.filter(([concertId, place]) => placeState(place) === "ACTIVE" && waitingIn.has(concertId));
  waitingIn = new Set(all.filter(([, place]) => isKept(place)).map(([concertId]) => concertId));
  const titles = letIn.map(([, place]) => place.title);
  // The waiting room has fetched what calls; elsewhere it is fetched now.
  if (titles.length && document.hidden) untracked(() => import("./calling.js").then(({ callIn }) => callIn(titles.join(", "))));
});

settings().catch(() => {}); // asked for at once; whoever needs it first tells of a failure
startKeeping();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
