// What the whole page shares: the one client, and when to draw. The rule: whatever changes is drawn once, together with
// everything else that changed before the next frame.

import { ChatClient } from "../client/client.js";
import { archive } from "./archive.js";
import { localLock } from "../client/login.js";

/** @import { Lock } from "../client/types.js" */

const store = {
  getItem: (/** @type {string} */ key) => localStorage.getItem(key),
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => localStorage.setItem(key, value),
  removeItem: (/** @type {string} */ key) => localStorage.removeItem(key),
  keys: () => Object.keys(localStorage),
};

/** Tabs share the store, so they share the lock; without TLS, browsers offer none, and each tab has its own. */
const lock = /** @type {Lock} */ (navigator.locks ? (name, work) => navigator.locks.request(name, work) : localLock());

export const client = new ChatClient({ base: new URL(".", location.href.split("#")[0]).href, store, lock, archive });

/** @type {Set<() => void>} */
const drawers = new Set();
let isDue = false;

/** Draws soon whatever has changed. */
export function redraw() {
  if (isDue) return;
  isDue = true;
  // A hidden page has no frames, but still a title.
  if (document.hidden) setTimeout(draw, 50);
  else requestAnimationFrame(draw);
}

/** @param {() => void} drawer called each time something may have changed @returns {() => void} ends that */
export function onDraw(drawer) {
  drawers.add(drawer);
  return () => drawers.delete(drawer);
}

function draw() {
  isDue = false;
  for (const drawer of drawers) drawer();
}

client.addEventListener("change", redraw);
client.addEventListener("state", redraw);
// A frame that was asked for before the page was hidden may not come.
document.addEventListener("visibilitychange", () => {
  isDue = false;
  redraw();
});
