// Serves the page's own files where the network does not. What is kept, offline.js decides; calls to the API pass by.
//
// What is named by its content comes from what was kept. Everything else is asked for first, so that nobody is shown an old
// page for longer than the network is gone.

const PATIENCE_MS = 4000;
const NAMED_BY_CONTENT = /\/release\/[0-9a-f]+\//;
const PARTS = ["script", "style", "image", "worker"];

oninstall = () => skipWaiting();
onactivate = (event) => event.waitUntil(clients.claim());

onfetch = (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const home = new URL(registration.scope);
  const isPage = request.mode === "navigate" && url.pathname === home.pathname;
  const isPart = PARTS.includes(request.destination) || url.pathname === `${home.pathname}config.json`;
  if (request.method === "GET" && url.origin === home.origin && (isPage || isPart)) event.respondWith(answer(request));
};

async function answer(request) {
  const kept = await caches.match(request, { ignoreSearch: true, ignoreVary: true });
  if (!kept) return fetch(request);
  if (NAMED_BY_CONTENT.test(request.url)) return kept;
  const silence = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const fresh = await Promise.race([fetch(request).catch(() => undefined), silence]);
  return fresh?.ok ? fresh : kept;
}
