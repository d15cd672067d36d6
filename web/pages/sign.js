// Signing in and up.

import { html, navigate, useRef, useState } from "../vendor/libraries.js";
import { t } from "../language.js";
import { Busy, Page, ProblemNote, useAction } from "../parts.js";
import { confirm, signIn, signUp } from "../session.js";
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

export function SignIn() {
  const { busy, problem, run } = useAction();
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
  return html`
    <${Page} class="narrow" title=${t("sign.in")} lead=${t("sign.inLead")}>
      <form class="panel form" onSubmit=${submit}>
        <${Field} ...${NAME} label=${t("sign.username")} />
        <${Field} name="password" type="password" label=${t("sign.password")} autocomplete="current-password" />
        <${ProblemNote} problem=${problem} />
        <${Busy} type="submit" class="wide" busy=${busy}>${t("sign.in")}<//>
      </form>
      <p class="center">${t("sign.noAccount")} <a href="#/sign-up">${t("sign.up")}</a></p>
    <//>
  `;
}

export function SignUp() {
  const { busy, problem, run } = useAction();
  const [code, setCode] = useState(null);
  const submit = (event) => {
    event.preventDefault();
    const { username, password } = values(event.target);
    run(async () => {
      const name = username.trim();
      if (!(await signUp(name, password))) return setCode({ username: name, password });
      await signIn(name, password);
      return goBack();
    });
  };
  if (code) return html`<${Code} ...${code} />`;
  return html`
    <${Page} class="narrow" title=${t("sign.up")} lead=${t("sign.upLead")}>
      <form class="panel form" onSubmit=${submit}>
        <${Field} ...${NAME} label=${t("sign.username")} hint=${t("sign.usernameHint")} />
        <${Field} name="password" type="password" label=${t("sign.password")} hint=${t("sign.passwordHint")} minlength="8" autocomplete="new-password" />
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
      </form>
    <//>
  `;
}
