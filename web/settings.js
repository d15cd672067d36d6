// Where the API and the user pool are: /config.json, written by whoever deployed this page.

let loaded;

/**
 * {apiUrl, cognitoUrl, userPoolClientId, charges, signUp}; `charges` is who adds points ("fans", "provider"), `signUp` by what
 * one signs up ("name", "email"). The promise is shared, and a failed load is tried again.
 */
export function settings() {
  loaded ??= load().catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load() {
  const answer = await fetch("config.json");
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  const { apiUrl, cognitoUrl, userPoolClientId, charges = "fans", signUp = "name" } = await answer.json();
  // A relative apiUrl means that the API is served beside this page.
  return { apiUrl: new URL(apiUrl, document.baseURI).href.replace(/\/+$/, ""), cognitoUrl, userPoolClientId, charges, signUp };
}
