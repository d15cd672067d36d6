// Points: what there is, charging, using, and where they went.

import { html, useEffect, useRef, useState } from "../vendor/libraries.js";
import { list, page } from "../api.js";
import { concert as concertOf } from "../catalog.js";
import { dayAndTime, number, points, signed, t, told } from "../language.js";
import { Busy, href, Loading, Note, Page, ProblemNote, readAmount, signInFirst, useAction, useLoaded } from "../parts.js";
import { session, signedIn } from "../session.js";
import { settings } from "../settings.js";
import { balanceNow, charge, newKey, use } from "../wallet.js";

export const QUICK = [10_000, 50_000, 100_000, 300_000];
const MOST = 1_000_000;

export function Points() {
  if (!signedIn.value) {
    return html`<${Page} class="narrow" title=${t("points.title")}>
      <${Note} actions=${html`<button type="button" class="button" onClick=${() => signInFirst()}>${t("sign.in")}</button>`}>${t("errors.SIGN_IN_REQUIRED")}<//>
    <//>`;
  }
  return html`<${Wallet} key=${session.value.sub} />`;
}

function Wallet() {
  const balance = useLoaded(balanceNow, []);
  const [turn, setTurn] = useState(0);
  const moved = () => {
    balance.reload();
    setTurn((count) => count + 1);
  };
  return html`
    <${Page} class="wallet" title=${t("points.title")}>
      <div class="wallet-grid">
        <section class="balance panel" aria-labelledby="balance-title">
          <h2 id="balance-title">${t("points.balance")}</h2>
          <p class="big" role="status">${balance.value === undefined ? html`<span class="bone" />` : points(balance.value)}</p>
          <${ProblemNote} problem=${balance.problem} retry=${balance.reload} />
          <${ChargeForm} done=${moved} />
          <details class="use"><summary>${t("points.use")}</summary><${UseForm} done=${moved} /></details>
        </section>
        <${History} turn=${turn} />
      </div>
    <//>
  `;
}

/** `useAction` with an idempotency key that lives until the answer is known: a repeat after a lost answer is safe. */
function useOnce() {
  const action = useAction();
  const key = useRef(null);
  const run = (intent, work) =>
    action.run(async () => {
      if (key.current?.intent !== intent) key.current = { intent, value: newKey() };
      try {
        await work(key.current.value);
        key.current = null;
      } catch (problem) {
        if (!problem.transient) key.current = null;
        throw problem;
      }
    });
  return { ...action, run };
}

/** Charging; where a payment provider adds points, how they are bought instead. */
export function ChargeForm(given) {
  const { value } = useLoaded(settings, []);
  if (!value) return null;
  return value.charges === "provider" ? html`<${Note}>${t("points.provider")}<//>` : html`<${Charging} ...${given} />`;
}

function Charging({ done, suggested, label }) {
  const { busy, problem, run, clear } = useOnce();
  const [text, setText] = useState(suggested ? String(suggested) : "");
  const [told, setTold] = useState("");
  const amount = readAmount(text);
  const wrong = text !== "" && !(amount >= 1 && amount <= MOST);
  const submit = (event) => {
    event.preventDefault();
    if (wrong || text === "") return;
    setTold("");
    run(`charge ${amount}`, async (key) => {
      await charge(amount, key);
      setTold(t("points.charged", { amount: points(amount) }));
      setText("");
      done();
    });
  };
  const put = (value) => {
    clear();
    setText(String(Math.min(MOST, value)));
  };
  const add = (value) => put((amount >= 1 ? amount : 0) + value);
  return html`
    <form class="form" onSubmit=${submit} novalidate>
      <div class="quick" role="group" aria-label=${t("points.quick")}>
        ${suggested && html`<button type="button" class="chip" aria-pressed=${amount === suggested} onClick=${() => put(suggested)}>${t("points.exactly", { amount: points(suggested) })}</button>`}
        ${QUICK.map((value) => html`<button key=${value} type="button" class="chip" onClick=${() => add(value)}>+${number(value)}</button>`)}
      </div>
      <div class="field">
        <label for="charge-amount">${t("points.amount")}</label>
        <input id="charge-amount" inputmode="numeric" autocomplete="off" maxlength="9" value=${text} onInput=${({ target }) => setText(target.value)}
          aria-invalid=${wrong} aria-describedby="charge-hint" />
        <p id="charge-hint" class="hint ${wrong ? "wrong" : ""}">${t("points.amountHint", { most: number(MOST) })}</p>
      </div>
      <${ProblemNote} problem=${problem} retry=${submit} />
      <${Busy} type="submit" class="wide" busy=${busy} aria-disabled=${wrong || text === "" ? "true" : undefined}>${label ?? t("points.charge")}<//>
      <p class="told" role="status">${told}</p>
    </form>
  `;
}

function UseForm({ done }) {
  const { busy, problem, run } = useOnce();
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const amount = readAmount(text);
  const wrong = text !== "" && !(amount >= 1 && amount <= MOST);
  const submit = (event) => {
    event.preventDefault();
    if (wrong || text === "") return;
    run(`use ${amount} ${reason}`, async (key) => {
      await use(amount, reason.trim(), key);
      setText("");
      setReason("");
      done();
    });
  };
  return html`
    <form class="form" onSubmit=${submit} novalidate>
      <p class="hint">${t("points.useHint")}</p>
      <div class="field">
        <label for="use-amount">${t("points.useAmount")}</label>
        <input id="use-amount" inputmode="numeric" autocomplete="off" maxlength="9" value=${text} onInput=${({ target }) => setText(target.value)} aria-invalid=${wrong} />
      </div>
      <div class="field">
        <label for="use-reason">${t("points.reason")}</label>
        <input id="use-reason" autocomplete="off" maxlength="100" value=${reason} onInput=${({ target }) => setReason(target.value)} />
      </div>
      <${ProblemNote} problem=${problem} />
      <${Busy} type="submit" class="quiet wide" busy=${busy} aria-disabled=${wrong || text === "" ? "true" : undefined}>${t("points.useNow")}<//>
    </form>
  `;
}

function History({ turn }) {
  const [shown, setShown] = useState({ items: null, nextCursor: null });
  const { busy, problem, run } = useAction();
  const first = () => run(async () => setShown(await page("/points/history", null)));
  const more = () =>
    run(async () => {
      const next = await page("/points/history", shown.nextCursor);
      setShown({ items: [...shown.items, ...next.items], nextCursor: next.nextCursor });
    });
  useEffect(() => void first(), [turn]);
  const bought = useLoaded(() => (shown.items?.some(({ paymentId }) => paymentId) ? bookings() : new Map()), [shown.items]);
  return html`
    <section class="history panel" aria-labelledby="history-title">
      <h2 id="history-title">${t("points.history")}</h2>
      ${!shown.items && !problem && html`<${Loading} lines=${5} />`}
      ${shown.items?.length === 0 && html`<p class="empty">${t("points.none")}</p>`}
      <ul class="entries">${shown.items?.map((entry) => html`<${Entry} key=${entry.entryId} entry=${entry} bought=${bought.value?.get(entry.paymentId)} />`)}</ul>
      <${ProblemNote} problem=${problem} retry=${first} />
      ${shown.nextCursor && html`<p class="more"><${Busy} type="button" class="quiet" busy=${busy} onClick=${more}>${t("more")}<//></p>`}
    </section>
  `;
}

/** Which concert each payment was for: paymentId → the concert. */
async function bookings() {
  const paid = (await list("/reservations")).filter(({ paymentId }) => paymentId);
  const found = await Promise.all(paid.map(({ concertId }) => concertOf(concertId).catch(() => null)));
  return new Map(paid.map(({ paymentId, reservationId }, index) => [paymentId, found[index] && { concert: found[index], reservationId }]));
}

const Entry = ({ entry: { type, amount, balanceAfter, at, reason }, bought }) => html`
  <li class=${amount < 0 ? "out" : "in"}>
    <span class="entry-what"><b>${t(`points.type.${["CHARGE", "USE", "PAYMENT", "REFUND"].includes(type) ? type : "OTHER"}`)}</b>${bought && html`<a href=${href`/reservations/${bought.reservationId}`}>${told(bought.concert, "title")}</a>`}${reason && html`<span>${reason}</span>`}<small>${dayAndTime(at)}</small></span>
    <span class="entry-how"><b>${signed(amount)} P</b><small>${t("points.after", { balance: points(balanceAfter) })}</small></span>
  </li>
`;
