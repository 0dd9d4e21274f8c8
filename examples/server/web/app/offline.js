// Opening the page without a connection: a service worker keeps its files (worker.js). The rule: it is set up once somebody is
// online, so that it never competes with what they wait for; without TLS, browsers offer it on this machine only.

import { client } from "./context.js";

export function keepFiles() {
  if (!navigator.serviceWorker) return;
  const begin = () => {
    if (client.state !== "online") return;
    client.removeEventListener("state", begin);
    // Without it the page is what it was; the next visit tries again.
    navigator.serviceWorker.register(address(), { scope: client.base }).catch(() => {});
  };
  client.addEventListener("state", begin);
}

/** The one address of a script that the page's policy lets be made. */
function address() {
  const { href } = new URL("web/worker.js", client.base);
  const { trustedTypes } = /** @type {any} */ (globalThis);
  return trustedTypes ? trustedTypes.createPolicy("worker", { createScriptURL: () => href }).createScriptURL("") : href;
}
