// The service worker: it keeps the files of the page, so that the page opens without a connection. The rule: it keeps one
// edition whole, and its page is only shown when no server answers, so that nobody meets an old page and a new server.
//
// What was said is not kept here but by the page itself (app/archive.js).

/** Filled in by the server: the edition that this is of, and its files, with spaces between. */
const EDITION = "{edition}";
const FILES = "{files}".split(" ");

/** Stands for the page: where the worker may answer. */
const PAGE = new URL("../", location.href).href;
const BELOW = new URL(`${EDITION}/`, location.href).href;
const PREFIX = "chat-files:";
const CACHE = PREFIX + EDITION;

const worker = /** @type {any} */ (globalThis);

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(keep().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(forgetOthers().then(() => worker.clients.claim())));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { method, mode, url } = /** @type {Request} */ (event.request);
  const address = new URL(url);
  if (method !== "GET") return;
  if (mode === "navigate" && address.origin + address.pathname === PAGE) event.respondWith(page(event.request));
  else if (url.startsWith(BELOW)) event.respondWith(file(event.request));
});

/** Keeps the whole edition, or fails and is tried again with the next visit. */
async function keep() {
  const response = await fetch(PAGE, { cache: "no-cache" });
  const text = await response.clone().text();
  // Another server may have taken over since this worker was read.
  if (!response.ok || !text.includes(`"web/${EDITION}/`)) throw new Error("The page is of another edition.");
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((path) => BELOW + path));
  await cache.put(PAGE, response);
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

/** What the server says, unless there is none or it cannot answer. @param {Request} request */
async function page(request) {
  const kept = () => caches.match(PAGE, { cacheName: CACHE, ignoreVary: true });
  try {
    const response = await fetch(request);
    return response.status < 500 ? response : ((await kept()) ?? response);
  } catch {
    return (await kept()) ?? Response.error();
  }
}

/** A file of this edition never changes. @param {Request} request */
async function file(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}
