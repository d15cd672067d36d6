// A refusal, whoever made it: the API (its `code`), Cognito (its exception's name) or this page (the last three below).
//
//   NETWORK            no answer came
//   SIGN_IN_REQUIRED   there is no session, or it cannot be renewed
//   UNEXPECTED         an answer that follows no contract

export class Problem extends Error {
  /** @param body the members of the problem document, at least `code` */
  constructor(body, { retryAfter } = {}) {
    super(body.code);
    this.name = "Problem";
    this.code = body.code;
    this.status = body.status ?? 0;
    this.detail = body.detail;
    this.retryAfter = retryAfter; // seconds, when the server named them
    this.body = body;
  }

  /** Trying the same thing again may help. */
  get transient() {
    return this.code === "NETWORK" || this.code === "RATE_LIMITED" || this.status >= 500;
  }
}
