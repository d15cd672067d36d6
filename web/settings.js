// Where the API and the user pool are: /config.json, written by whoever deployed this page.

import { ask } from "./network.js";
import { Problem } from "./problem.js";

let loaded;

/**
 * {apiUrl, cognitoUrl, userPoolClientId, charges, signUp}; `charges` is who adds points ("fans", "provider"), `signUp` by what
 * one signs up ("name", "email"). The promise is shared, and a load that failed (NETWORK) is tried again.
 */
export function settings() {
  loaded ??= load().catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load() {
  const { answer, body } = await ask("config.json", "json");
  if (!answer.ok) throw new Problem({ code: "NETWORK" });
  const { apiUrl, cognitoUrl, userPoolClientId, charges = "fans", signUp = "name" } = body;
  // A relative apiUrl means that the API is served beside this page.
  return { apiUrl: new URL(apiUrl, document.baseURI).href.replace(/\/+$/, ""), cognitoUrl, userPoolClientId, charges, signUp };
}
