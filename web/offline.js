// Keeps the page on this device for a door without a network. Only who has a ticket or stands at a door needs it, so only
// their pages call it.

const KEPT = "ost-page";
const WORKER = "offline-worker.js";
const IMPORTED = /(?:\bfrom |\bimport\()"(\.[^"]+)"/g;
const MAIN = new URL("main.js", import.meta.url).href;

let policy; // the page's own policy demands Trusted Types; the only script URL that this one ever makes is the worker's
let begun;

/**
 * Keeps the page's frame and these of its pages ("door"), with everything that they import. Safe to repeat; where a browser
 * cannot, nothing is lost but the page without a network.
 */
export function keepPage(...pages) {
  begun = Promise.resolve(begun).then(() => keep(pages.map((page) => new URL(`pages/${page}.js`, import.meta.url).href)).catch(() => {}));
  return begun;
}

async function keep(pages) {
  const home = new URL("./", document.baseURI).href;
  const worker = new URL(WORKER, home).href;
  policy ??= globalThis.trustedTypes?.createPolicy("ost-offline", { createScriptURL: () => worker });
  await navigator.serviceWorker.register(policy ? policy.createScriptURL("") : worker, { updateViaCache: "none" });

  const cache = await caches.open(KEPT);
  const page = await fetch(home, { cache: "no-cache" });
  const named = [...(await page.clone().text()).matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, name]) => new URL(name, home).href);
  if (!page.ok || !named.includes(MAIN)) return; // a newer release than this page: its own visit keeps it
  const files = new Set();
  for (const file of named) await follow(file, cache, files, false);
  for (const file of pages) await follow(file, cache, files, true);
  await cache.put(home, page); // last: it names the others
  for (const { url } of await cache.keys()) {
    if (url.includes("/release/") && !url.startsWith(new URL("./", MAIN).href)) await cache.delete(url);
  }
}

/** Keeps a file, and those that it imports; with `later`, also those that it imports when they are needed. */
async function follow(file, cache, files, later) {
  if (files.has(file)) return;
  files.add(file);
  if (!file.includes("/release/") || !(await cache.match(file))) await cache.add(file);
  if (!file.endsWith(".js") || file.includes("/vendor/")) return;
  const text = await (await cache.match(file)).text();
  for (const [whole, name] of text.matchAll(IMPORTED)) {
    if (later || whole.startsWith("from")) await follow(new URL(name, file).href, cache, files, later);
  }
}
