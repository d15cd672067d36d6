// Signing in and up.

import { html, navigate, useRef, useState } from "../vendor/libraries.js";
import { t } from "../language.js";
import { Busy, Page, ProblemNote, useAction, useLoaded } from "../parts.js";
import { confirm, forgotPassword, resendCode, setPassword, signIn, signUp } from "../session.js";
import { settings } from "../settings.js";
import { recall, remember } from "../storage.js";

function goBack() {
  const back = recall("return", sessionStorage);
  remember("return", null, sessionStorage);
  navigate(typeof back === "string" && back.startsWith("/") ? back : "/", { replace: true });
}

const Field = ({ name, label, hint, box, ...rest }) => html`
  <div class="field">
    <label for=${name}>${label}</label>
    <input id=${name} name=${name} ref=${box} required aria-describedby=${hint ? `${name}-hint` : undefined} ...${rest} />
    ${hint && html`<p id="${name}-hint" class="hint">${hint}</p>`}
  </div>
`;

const values = (form) => Object.fromEntries(new FormData(form));

const NAME = { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: false, maxlength: 128 };

const NEW_PASSWORD = { type: "password", minlength: "8", autocomplete: "new-password" };

const useByEmail = () => useLoaded(settings, []).value?.signUp === "email";

export function SignIn() {
  const { busy, problem, run } = useAction();
  const byEmail = useByEmail();
  const [forgot, setForgot] = useState(false);
  const [code, setCode] = useState(null); // {username, password}: who must confirm first
  const submit = (event) => {
    event.preventDefault();
    const { username, password } = values(event.target);
    run(async () => {
      try {
        await signIn(username.trim(), password);
      } catch (refusal) {
        if (refusal.code === "UserNotConfirmedException") return setCode({ username: username.trim(), password });
        throw refusal;
      }
      return goBack();
    });
  };
  if (code) return html`<${Code} ...${code} />`;
  if (forgot) return html`<${Forgotten} />`;
  return html`
    <${Page} class="narrow" title=${t("sign.in")} lead=${t("sign.inLead")}>
      <form class="panel form" onSubmit=${submit}>
        <${Field} ...${NAME} label=${t("sign.username")} />
        <${Field} name="password" type="password" label=${t("sign.password")} autocomplete="current-password" />
        <${ProblemNote} problem=${problem} />
        <${Busy} type="submit" class="wide" busy=${busy}>${t("sign.in")}<//>
      </form>
      ${byEmail && html`<p class="center"><button type="button" class="link" onClick=${() => setForgot(true)}>${t("sign.forgot")}</button></p>`}
      <p class="center">${t("sign.noAccount")} <a href="#/sign-up">${t("sign.up")}</a></p>
    <//>
  `;
}

export function SignUp() {
  const { busy, problem, run } = useAction();
  const byEmail = useByEmail();
  const [code, setCode] = useState(null);
  const submit = (event) => {
    event.preventDefault();
    const { username, password, email } = values(event.target);
    run(async () => {
      const name = username.trim();
      if (!(await signUp(name, password, email?.trim()))) return setCode({ username: name, password });
      await signIn(name, password);
      return goBack();
    });
  };
  if (code) return html`<${Code} ...${code} />`;
  return html`
    <${Page} class="narrow" title=${t("sign.up")} lead=${t("sign.upLead")}>
      <form class="panel form" onSubmit=${submit}>
        <${Field} ...${NAME} label=${t("sign.username")} hint=${t("sign.usernameHint")} />
        ${byEmail && html`<${Field} name="email" type="email" label=${t("sign.email")} hint=${t("sign.emailHint")} autocomplete="email" />`}
        <${Field} name="password" label=${t("sign.password")} hint=${t("sign.passwordHint")} ...${NEW_PASSWORD} />
        <${ProblemNote} problem=${problem} />
        <${Busy} type="submit" class="wide" busy=${busy}>${t("sign.up")}<//>
      </form>
      <p class="center">${t("sign.hasAccount")} <a href="#/sign-in">${t("sign.in")}</a></p>
    <//>
  `;
}

/** The pool wants a code that it sent. */
function Code({ username, password }) {
  const { busy, problem, run } = useAction();
  const box = useRef(null);
  const sending = useAction();
  const [sent, setSent] = useState(false);
  const again = () => sending.run(async () => (await resendCode(username), setSent(true)));
  const submit = (event) => {
    event.preventDefault();
    run(async () => {
      await confirm(username, box.current.value.trim());
      await signIn(username, password);
      goBack();
    });
  };
  return html`
    <${Page} class="narrow" title=${t("sign.code")} lead=${t("sign.codeLead", { username })}>
      <form class="panel form" onSubmit=${submit}>
        <${Field} name="code" label=${t("sign.codeLabel")} inputmode="numeric" autocomplete="one-time-code" box=${box} />
        <${ProblemNote} problem=${problem} />
        <${Busy} type="submit" class="wide" busy=${busy}>${t("sign.confirm")}<//>
        <p class="center"><${Busy} type="button" class="link" busy=${sending.busy} onClick=${again}>${t("sign.resend")}<//></p>
        <p class="told" role="status">${sent ? t("sign.resent") : ""}</p>
        <${ProblemNote} problem=${sending.problem} />
      </form>
    <//>
  `;
}

/** A forgotten password: who it is, then the code that was sent, and a new one. */
function Forgotten() {
  const { busy, problem, run } = useAction();
  const [username, setUsername] = useState(null);
  const submit = (event) => {
    event.preventDefault();
    const given = values(event.target);
    run(async () => {
      if (username === null) {
        await forgotPassword(given.username.trim());
        setUsername(given.username.trim());
        return;
      }
      await setPassword(username, given.code.trim(), given.password);
      await signIn(username, given.password);
      goBack();
    });
  };
  return html`
    <${Page} class="narrow" title=${t("sign.forgotTitle")} turn=${username === null ? "who" : "code"} lead=${username === null ? t("sign.forgotLead") : t("sign.codeLead", { username })}>
      <form class="panel form" onSubmit=${submit}>
        ${username === null
          ? html`<${Field} ...${NAME} label=${t("sign.username")} />`
          : html`
              <${Field} name="code" label=${t("sign.codeLabel")} inputmode="numeric" autocomplete="one-time-code" />
              <${Field} name="password" label=${t("sign.newPassword")} hint=${t("sign.passwordHint")} ...${NEW_PASSWORD} />
            `}
        <${ProblemNote} problem=${problem} />
        <${Busy} type="submit" class="wide" busy=${busy}>${t(username === null ? "sign.sendCode" : "sign.setPassword")}<//>
      </form>
    <//>
  `;
}
