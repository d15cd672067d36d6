// The door, for staff: choose a date, scan tickets, see who comes in; in the dark, on a phone, with or without a network.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { concertsByDate, performancesNow } from "../catalog.js";
import { stayAwake } from "../calling.js";
import { serverNow } from "../clock.js";
import { answeredWithin, dateOf, deviceId, keptDate, keptDates, loadDate, meaning, nameDoor, openDate, prepareChecking, reachable, scan, scans, settle, trouble, waiting } from "../door.js";
import { dayAndTime, number, t, time, told } from "../language.js";
import { Busy, href, Icon, Loading, Note, Page, ProblemNote, sentence, signInFirst, useAction, useLoaded } from "../parts.js";
import { keepPage } from "../offline.js";
import { seatNames } from "../seatnames.js";
import { groups, renew, session, signedIn } from "../session.js";
import { prepareSound, tones } from "../sound.js";

const LIST_IS_OLD_MS = 5 * 60_000;
const ANSWER_MS = 1500; // so long a guest waits for the server's word before this device's own counts
const SAME_CODE_MS = 3000; // a code that stays before the camera is one scan
const SHOWN = 12; // scans in the list

export function Door({ performanceId }) {
  if (!signedIn.value) {
    return html`<${Page} class="narrow" title=${t("gate.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("gate.signIn")}<//>
    <//>`;
  }
  if (!groups.value.includes("staff")) return html`<${StaffOnly} />`;
  return performanceId ? html`<${Gate} key=${performanceId} performanceId=${performanceId} />` : html`<${Dates} />`;
}

/** Told kindly; who has been made staff meanwhile is let in without signing in again. */
function StaffOnly() {
  const { busy, problem, run } = useAction();
  return html`
    <${Page} class="narrow" title=${t("gate.title")}>
      <${Note} tone="warn" title=${t("gate.staffOnly")} actions=${html`<${Busy} type="button" busy=${busy} onClick=${() => run(renew)}>${t("again")}<//><a class="button quiet" href="#/reservations">${t("nav.reservations")}</a>`}>
        ${t("gate.staffOnlyText", { user: session.value.username })}
      <//>
      <${ProblemNote} problem=${problem} />
    <//>
  `;
}

// -- which date

function Dates() {
  const kept = useLoaded(keptDates, []);
  const concerts = useLoaded(async () => (await concertsByDate(serverNow())).filter(({ dates }) => dates), []);
  const [concertId, choose] = useState("");
  const dates = useLoaded(async () => (concertId ? performancesNow(concertId) : null), [concertId]);
  const shown = concertId || concerts.value?.[0]?.concertId || "";
  useEffect(() => choose(shown), [shown]);
  return html`
    <${Page} class="narrow gate" title=${t("gate.title")} lead=${t("gate.lead")}>
      <${Name} />
      ${kept.problem && html`<${Note} tone="bad" alert>${t("gate.cannotKeep")}<//>`}
      ${kept.value?.length > 0 &&
      html`<h2>${t("gate.loaded")}</h2>
        <ul class="dates">
          ${kept.value.map(
            (list) => html`<li key=${list.performanceId}>
              <a class="gate-date" href=${href`/door/${list.performanceId}`}>
                <b>${told(list.concert, "title") ?? list.performanceId}</b>
                <span>${list.performance && dayAndTime(list.performance.startsAt, list.performance.timezone)}</span>
                <small>${t("gate.loadedAt", { n: list.tickets.length, when: dayAndTime(list.loadedAt) })}</small>
              </a>
            </li>`,
          )}
        </ul>`}
      <h2>${t("gate.choose")}</h2>
      <${ProblemNote} problem=${concerts.problem} retry=${concerts.reload} />
      ${!concerts.value && !concerts.problem && html`<${Loading} lines=${3} />`}
      ${concerts.value &&
      html`<div class="field">
          <label for="gate-concert">${t("gate.concert")}</label>
          <select id="gate-concert" value=${shown} onChange=${({ target }) => choose(target.value)}>
            ${concerts.value.map((concert) => html`<option key=${concert.concertId} value=${concert.concertId}>${told(concert, "title")}</option>`)}
          </select>
        </div>
        <${ProblemNote} problem=${dates.problem} retry=${dates.reload} />
        <ul class="dates">
          ${dates.value?.map(
            (date) => html`<li key=${date.performanceId}>
              <a class="gate-date" href=${href`/door/${date.performanceId}`}>
                <b>${dayAndTime(date.startsAt, date.timezone)}</b><span>${told(date, "venue")}</span>
                ${date.cancelled && html`<small>${t("gate.calledOff")}</small>`}
              </a>
            </li>`,
          )}
        </ul>`}
    <//>
  `;
}

/** What this phone is called in the scans, so that two doors can be told apart. */
function Name() {
  const [name, setName] = useState(deviceId);
  return html`
    <form class="field gate-name" onSubmit=${(event) => event.preventDefault()}>
      <label for="gate-name">${t("gate.name")}</label>
      <input id="gate-name" maxlength="24" pattern="[A-Za-z0-9\\-]+" autocomplete="off" autocapitalize="off" value=${name.replace(/-[0-9a-f]{6}$/, "")} onChange=${({ target }) => (nameDoor(target.value), setName(deviceId()))} />
      <p class="hint">${t("gate.nameHint", { name })}</p>
    </form>
  `;
}

// -- at the door

function Gate({ performanceId }) {
  const [list, setList] = useState(null);
  const loading = useAction();
  const [state, setState] = useState("opening"); // then "closed" or "open"; "broken" where nothing can be kept
  const load = () =>
    loading.run(async () => {
      const loaded = await loadDate(performanceId);
      setList(loaded);
      await prepareChecking(loaded);
      keepPage("door");
    });
  useEffect(() => {
    const start = async () => {
      const kept = await keptDate(performanceId);
      if (kept) setList(kept);
      await openDate(performanceId);
      setState("closed");
      navigator.storage?.persist?.().catch(() => {});
      load();
    };
    start().catch((problem) => (console.error(problem), setState("broken")));
    const timer = setInterval(() => reachable() && load(), LIST_IS_OLD_MS);
    addEventListener("online", load);
    return () => {
      clearInterval(timer);
      removeEventListener("online", load);
    };
  }, []);

  const title = told(list?.concert, "title") ?? t("gate.title");
  const before = html`<a class="up" href="#/door"><${Icon} name="back" />${t("gate.dates")}</a>`;
  if (state === "broken") return html`<${Page} class="gate" title=${title} before=${before}><${Note} tone="bad" alert>${t("gate.cannotKeep")}<//><//>`;
  const { performance } = list ?? {};
  return html`
    <${Page} class="gate" title=${title} lead=${performance && dayAndTime(performance.startsAt, performance.timezone)} before=${before}>
      ${!list && !loading.problem && html`<${Loading} lines=${4} />`}
      ${!list && html`<${ProblemNote} problem=${loading.problem} retry=${load} />`}
      ${list && state !== "opening" && html`<${Scanning} list=${list} loading=${loading} load=${load} />`}
    <//>
  `;
}

/** A seat of this date, as printed on the chair. */
const seatName = (list, seatNumber) => seatNames({ seatNumbers: [seatNumber], seats: [list.named.get(seatNumber)].filter(Boolean) }, list.performance)[0];

function Scanning({ list, loading, load }) {
  const [shown, setShown] = useState(null); // the scan that is shown large, {pending} while the server is asked
  const [failed, setFailed] = useState(false);
  const work = useRef(null); // the scan whose answer is not shown yet: the next guest waits for it
  const latest = useRef(list);
  latest.current = list;

  const take = async (code) => {
    setFailed(false);
    try {
      let made = await scan(latest.current, code);
      if (made.told.outcome === "ADMITTED" && reachable()) {
        setShown({ ...made, pending: true });
        made = await answeredWithin(made, ANSWER_MS);
      }
      setShown(made);
      announce(meaning(made).outcome === "ADMITTED");
    } catch (problem) {
      console.error(problem);
      setShown(null);
      setFailed(true);
      announce(false);
    }
  };
  const next = (text) => {
    const code = text.trim();
    if (!code) return;
    const mine = Promise.resolve(work.current).then(() => take(code));
    work.current = mine;
    mine.then(() => work.current === mine && (work.current = null));
  };
  return html`
    <div class="gate-grid">
      <div class="gate-scan">
        <${Camera} seen=${(text) => !work.current && (next(text), true)} />
        ${failed ? html`<section class="verdict bad" role="alert"><${Icon} name="alert" /><b>${t("gate.notKept")}</b></section>` : html`<${Verdict} shown=${shown} list=${list} />`}
        <${Typed} take=${next} />
      </div>
      <div class="gate-side">
        <${Counts} list=${list} />
        <${Line} list=${list} loading=${loading} load=${load} />
        <${ToLookAt} list=${list} />
        <${Latest} list=${list} />
      </div>
    </div>
  `;
}

/** Green or red, for who looks elsewhere. */
function announce(good) {
  navigator.vibrate?.(good ? 80 : [200, 100, 200]);
  if (good) tones([880, 1320], { each: 0.12, loud: 0.4 });
  else tones([220, 180], { kind: "square", each: 0.25, loud: 0.35 });
}

const WHY_NO_CAMERA = { NotAllowedError: "gate.cameraForbidden", NotFoundError: "gate.cameraMissing" };

function Camera({ seen }) {
  const video = useRef(null);
  const [camera, setCamera] = useState(null);
  const [wanted, setWanted] = useState(false);
  const [problem, setProblem] = useState(null);
  const [lit, setLit] = useState(false);
  const latest = useRef(seen);
  latest.current = seen;

  useEffect(() => {
    if (!wanted) return undefined;
    let here = true;
    let opened = null;
    const seenAt = new Map();
    const once = (text) => {
      const now = performance.now();
      if (now - (seenAt.get(text) ?? -Infinity) < SAME_CODE_MS || latest.current(text)) seenAt.set(text, now);
    };
    import("../camera.js")
      .then(({ watch }) => watch(video.current, once))
      .then((started) => {
        opened = started;
        if (here) setCamera(started);
        else started.stop();
      })
      .catch((refusal) => here && (setProblem(refusal.name), setWanted(false)));
    const sleep = stayAwake();
    return () => {
      here = false;
      opened?.stop();
      sleep();
    };
  }, [wanted]);

  const start = () => {
    prepareSound();
    setProblem(null);
    setWanted(true);
  };
  return html`
    <div class="camera ${wanted ? "on" : ""}">
      <video ref=${video} muted playsinline aria-label=${t("gate.camera")} hidden=${!wanted} />
      ${wanted && html`<div class="aim" aria-hidden="true" />`}
      ${!wanted && html`<button type="button" class="button" onClick=${start}>${t("gate.start")}</button>`}
      ${wanted &&
      html`<div class="camera-ways">
        ${camera?.light && html`<button type="button" class="button quiet small" aria-pressed=${lit} onClick=${() => (camera.light(!lit), setLit(!lit))}>${t("gate.light")}</button>`}
        <button type="button" class="button quiet small" onClick=${() => (setWanted(false), setCamera(null), setLit(false))}>${t("gate.stop")}</button>
      </div>`}
    </div>
    ${problem && html`<${Note} tone="warn" alert>${t(WHY_NO_CAMERA[problem] ?? "gate.cameraBroken")}<//>`}
  `;
}

/** A scanner that types is as good as the camera. */
function Typed({ take }) {
  const [text, setText] = useState("");
  const submit = (event) => {
    event.preventDefault();
    prepareSound();
    take(text);
    setText("");
  };
  return html`
    <form class="typed field" onSubmit=${submit}>
      <label for="typed">${t("gate.typed")}</label>
      <div><input id="typed" value=${text} autocomplete="off" autocapitalize="off" spellcheck="false" onInput=${({ target }) => setText(target.value)} /><button class="button">${t("gate.check")}</button></div>
    </form>
  `;
}

/** "ADMITTED" and, where it says more, why: the name of a sentence. */
const REASONS = {
  ADMITTED: { new: "gate.admittedNew" },
  ALREADY: { here: "gate.alreadyHere", elsewhere: "gate.alreadyElsewhere" },
  INVALID: { foreign: "gate.foreign", key: "gate.unknownKey", forged: "gate.forged" },
};
const PLAIN = { ADMITTED: "gate.admitted", ALREADY: "gate.alreadyAt", REVOKED: "gate.revoked", WRONG_DATE: "gate.wrongDate", INVALID: "gate.invalid" };

function reason({ outcome, why, first, performanceId }, list) {
  const other = performanceId && dateOf(list, performanceId);
  const date = other ? dayAndTime(other.startsAt, other.timezone) : performanceId;
  return t(REASONS[outcome]?.[why] ?? PLAIN[outcome], { at: first ? time(first.at) : "", door: first?.deviceId, date });
}

/** The last scan, large enough for an arm's length. */
function Verdict({ shown, list }) {
  if (!shown) return html`<section class="verdict none" role="status"><p>${t("gate.ready")}</p></section>`;
  if (shown.pending) return html`<section class="verdict none" role="status"><span class="spinner" aria-hidden="true" /><p>${t("gate.asking")}</p></section>`;
  const found = meaning(scans.value.find(({ order }) => order === shown.order) ?? shown);
  const good = found.outcome === "ADMITTED";
  return html`
    <section class="verdict ${good ? "good" : "bad"}" role="alert" key=${shown.order}>
      <${Icon} name=${good ? "check" : "cross"} />
      <b>${t(good ? "gate.go" : "gate.no")}</b>
      ${shown.seatNumber && html`<p class="verdict-seat">${seatName(list, shown.seatNumber)}</p>`}
      <p>${reason(found, list)}</p>
      ${good && !shown.answer && html`<p class="verdict-alone">${t("gate.alone")}</p>`}
    </section>
  `;
}

const isIn = (each) => meaning(each).outcome === "ADMITTED";

function Counts({ list }) {
  const here = scans.value.filter(isIn);
  const inside = new Set([...list.tickets.filter(({ checkedInAt }) => checkedInAt), ...here].map(({ ticketId }) => ticketId));
  return html`
    <dl class="counts gate-counts" aria-label=${t("gate.counts")}>
      <div class="good"><dt>${t("gate.inHere")}</dt><dd>${number(here.length)}</dd></div>
      <div class="bad"><dt>${t("gate.refusedHere")}</dt><dd>${number(scans.value.length - here.length)}</dd></div>
      <div><dt>${t("gate.inside")}</dt><dd>${number(inside.size)}<small> / ${number(list.tickets.length)}</small></dd></div>
    </dl>
  `;
}

/** The line to the server, what still has to go over it, and how old the list is. */
function Line({ list, loading, load }) {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  const problem = trouble.value;
  const cut = !online || problem?.code === "NETWORK";
  const actions = problem?.code === "SIGN_IN_REQUIRED" && html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`;
  return html`
    ${cut
      ? html`<${Note} tone="warn" live title=${t("gate.cutTitle")}>${t("gate.cut", { n: waiting.value })}<//>`
      : problem
        ? html`<${Note} tone="warn" live title=${t("gate.unsent", { n: waiting.value })} actions=${actions}>${sentence(problem)}<//>`
        : html`<p class="gate-line" role="status"><${Icon} name="check" />${waiting.value ? t("gate.unsent", { n: waiting.value }) : t("gate.allSent")}</p>`}
    ${loading.problem && !cut && html`<${ProblemNote} problem=${loading.problem} retry=${load} />`}
    <p class="gate-list"><span>${t("gate.loadedAt", { n: list.tickets.length, when: time(list.loadedAt) })}</span><${Busy} type="button" class="quiet small" busy=${loading.busy} onClick=${load}>${t("gate.reload")}<//></p>
    <p class="hint">${t("gate.device", { name: deviceId() })}</p>
  `;
}

/** Where the server says something else than this door did. */
function ToLookAt({ list }) {
  const differing = scans.value.filter(({ look }) => look);
  if (!differing.length) return null;
  return html`
    <section class="to-look-at" role="alert" aria-labelledby="look-title">
      <h2 id="look-title"><${Icon} name="alert" />${t("gate.lookTitle", { n: differing.length })}</h2>
      <ul>
        ${differing.map(
          (each) => html`<li key=${each.order}>
            <div><b>${each.seatNumber ? seatName(list, each.seatNumber) : t("gate.noSeat")}</b> ${time(each.at)}<p>${differs(each, list)}</p></div>
            <button type="button" class="button quiet small" onClick=${() => settle(each)}>${t("gate.seen")}</button>
          </li>`,
        )}
      </ul>
    </section>
  `;
}

function differs({ answer }, list) {
  if (answer.refused) return t("gate.lookRefused");
  if (answer.outcome === "ADMITTED") return t("gate.lookTurnedAway");
  return `${t("gate.lookLetIn")} ${reason(answer, list)}`;
}

function Latest({ list }) {
  const latest = scans.value.slice(-SHOWN).reverse();
  if (!latest.length) return null;
  return html`
    <section aria-labelledby="latest-title">
      <h2 id="latest-title">${t("gate.latest")}</h2>
      <ol class="latest">
        ${latest.map((each) => {
          const found = meaning(each);
          const good = found.outcome === "ADMITTED";
          return html`<li key=${each.order} class=${good ? "good" : "bad"}>
            <${Icon} name=${good ? "check" : "cross"} /><span>${each.seatNumber ? seatName(list, each.seatNumber) : t("gate.noSeat")}</span><span>${t(`gate.short.${found.outcome}`)}</span><time>${time(each.at)}</time>${each.unsent ? html`<${Icon} name="clock" /><span class="unseen">${t("gate.unsentOne")}</span>` : null}
          </li>`;
        })}
      </ol>
    </section>
  `;
}
