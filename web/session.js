// Signing up and in with the stack's Cognito user pool, through its public JSON API, and staying signed in.

import { computed, signal } from "./vendor/libraries.js";
import { clockIsKnown, serverNow } from "./clock.js";
import { ask, parsed, unnamed } from "./network.js";
import { Problem } from "./problem.js";
import { settings } from "./settings.js";
import { onForeignChange, recall, recallKeys, remember } from "./storage.js";

const MARGIN_MS = 60_000; // a token is renewed so long before its end
const AHEAD_MS = MARGIN_MS + Math.random() * 30 * 60_000; // and where nothing is asked so long before, everybody at another moment
const BUSY = ["TooManyRequestsException", "ForbiddenException"]; // Cognito's names for a throttle and a firewall, both with a 400

/** {idToken, accessToken, refreshToken, sub, username, lapsesAt} or null; `lapsesAt` is by this device's own clock. */
export const session = signal(recall("session"));
export const signedIn = computed(() => session.value !== null);

/** The groups that the user belongs to ("organiser", "staff"), as the token says. The API judges; the page only shows what fits. */
export const groups = computed(() => {
  try {
    return claims(session.value.idToken)["cognito:groups"] ?? [];
  } catch {
    return []; // nobody, or a token that cannot be read
  }
});

onForeignChange((key) => {
  if (key === "session" || key === null) session.value = recall("session");
});

function keep(value) {
  session.value = value;
  remember("session", value);
}

function claims(jwt) {
  const payload = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function cognito(action, body) {
  const { cognitoUrl, userPoolClientId } = await settings();
  const { answer, body: text } = await ask(cognitoUrl, "text", {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `AWSCognitoIdentityProviderService.${action}`,
    },
    body: JSON.stringify({ ClientId: userPoolClientId, ...body }),
  });
  const result = parsed(text) ?? {};
  if (answer.ok) return result;
  // "UsernameExistsException", sometimes with a namespace before "#" or a note after ":".
  const kind = String(result.__type ?? "").split("#").pop().split(":")[0];
  const code = BUSY.includes(kind) ? "RATE_LIMITED" : answer.status < 500 && kind ? kind : unnamed(answer.status);
  throw new Problem({ code, detail: result.message ?? result.Message, status: answer.status });
}

function begin({ IdToken, AccessToken, RefreshToken }, earlier) {
  const { sub, "cognito:username": username, iat, exp } = claims(IdToken);
  keep({
    idToken: IdToken,
    accessToken: AccessToken,
    refreshToken: RefreshToken ?? earlier?.refreshToken,
    sub,
    username: username ?? earlier?.username ?? sub,
    lapsesAt: Date.now() + (exp - (iat ?? exp - 3600)) * 1000,
  });
}

/** Returns whether the new user may sign in at once; if not, a code was sent and `confirm` is next. */
export async function signUp(username, password, email) {
  const attributes = email ? { UserAttributes: [{ Name: "email", Value: email }] } : {};
  const { UserConfirmed } = await cognito("SignUp", { Username: username, Password: password, ...attributes });
  return UserConfirmed;
}

export const resendCode = (username) => cognito("ResendConfirmationCode", { Username: username });

/** Has a code sent with which a new password can be set. */
export const forgotPassword = (username) => cognito("ForgotPassword", { Username: username });

export const setPassword = (username, code, password) =>
  cognito("ConfirmForgotPassword", { Username: username, ConfirmationCode: code, Password: password });

export const confirm = (username, code) => cognito("ConfirmSignUp", { Username: username, ConfirmationCode: code });

export async function signIn(username, password) {
  const { AuthenticationResult, ChallengeName } = await cognito("InitiateAuth", {
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: username, PASSWORD: password },
  });
  if (!AuthenticationResult) throw new Problem({ code: ChallengeName ?? "UNEXPECTED" });
  begin(AuthenticationResult);
}

export async function signOut() {
  const token = session.value?.refreshToken;
  keep(null);
  for (const key of recallKeys("ticket.")) remember(key, null); // whoever has a ticket's code comes in with it
  // Cognito forgets the refresh token too. If it cannot be told, the token is at least gone from this device.
  if (token) await cognito("RevokeToken", { Token: token }).catch(() => {});
}

let renewal = null;

/** A new ID token from the refresh token; parallel callers share one request. */
export function renew() {
  renewal ??= renewNow().finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renewNow() {
  const current = session.value;
  let result = null;
  if (current?.refreshToken) {
    try {
      ({ AuthenticationResult: result } = await cognito("InitiateAuth", {
        AuthFlow: "REFRESH_TOKEN_AUTH",
        AuthParameters: { REFRESH_TOKEN: current.refreshToken },
      }));
    } catch (problem) {
      if (problem.transient) throw problem;
    }
  }
  // Who has signed out meanwhile stays so, and so does whoever has signed in.
  const isStillHere = session.value?.refreshToken === current?.refreshToken;
  if (isStillHere && result) return begin(result, current);
  if (isStillHere) keep(null);
  throw new Problem({ code: "SIGN_IN_REQUIRED", status: 401 });
}

let aheadAt = 0;

/**
 * For a page that waits for a moment at which everybody asks: called now and then, it renews the token a while before that
 * would be due, and a failure is made good at some moment of the time that is left.
 */
export async function renewAhead() {
  const left = (session.value?.lapsesAt ?? Infinity) - Date.now();
  if (left > AHEAD_MS || Date.now() < aheadAt) return;
  aheadAt = Date.now() + Math.max(MARGIN_MS, Math.random() * left);
  await renew().then(() => (aheadAt = 0), () => {});
}

/**
 * Whether the token's time is over, or may be: the server's clock knows, where it has been heard; the device's own counts
 * from when the token came, so that it is right also where it is set wrong.
 */
export function mayHaveLapsed() {
  const { idToken, lapsesAt } = session.value;
  if (lapsesAt === undefined || lapsesAt - Date.now() < MARGIN_MS) return true;
  return clockIsKnown() && claims(idToken).exp * 1000 - serverNow() < MARGIN_MS;
}

/** The bearer token: renewed beforehand when either clock says that it is about to lapse. */
export async function bearer() {
  if (!session.value) throw new Problem({ code: "SIGN_IN_REQUIRED", status: 401 });
  if (mayHaveLapsed()) await renew();
  return session.value.idToken;
}
