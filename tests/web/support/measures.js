// What can be measured of a page, for tests and for `figures.js`.

import { readFile } from "node:fs/promises";

/** @import { Browser } from "./browser.js" */

const AXE = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What came over the wire since the page began to load, and what of it from elsewhere. @param {Browser} browser */
export function transferred(browser) {
  return browser.run(() => {
    const entries = /** @type {PerformanceResourceTiming[]} */ ([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]);
    const foreign = entries.map(({ name }) => name).filter((name) => new URL(name).host !== location.host);
    return { bytes: entries.reduce((sum, { transferSize }) => sum + transferSize, 0), requests: entries.length, foreign };
  });
}

/** Serious findings of axe on the page as it is. @param {Browser} browser @returns {Promise<object[]>} */
export async function findings(browser) {
  await browser.script(AXE);
  const violations = await browser.run(async () => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document);
    return violations.map((/** @type {any} */ { id, impact, nodes }) => ({ id, impact, where: nodes.slice(0, 3).map((/** @type {any} */ node) => `${node.target.join(" ")}: ${node.failureSummary}`) }));
  });
  return violations.filter((/** @type {any} */ { impact }) => ["serious", "critical"].includes(impact));
}

/** How far the layout has jumped so far (web.dev/cls calls 0.1 good). @param {Browser} browser @returns {Promise<number>} */
export function shifts(browser) {
  return browser.run(
    () =>
      new Promise((resolve) => {
        new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, entry) => sum + /** @type {any} */ (entry).value, 0))).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => resolve(0), 1_000);
      }),
  );
}

/**
 * Scrolls as fast as a hand does until the list ends, and tells how the frames came.
 * @param {Browser} browser
 * @param {1 | -1} direction
 */
export async function frames(browser, direction) {
  /** @type {number[]} */
  const times = [];
  // A script in the page may run for a while only, so it is several.
  for (let isOver = false; !isOver; ) {
    const part = await browser.run(async (direction) => {
      const scroller = /** @type {HTMLElement} */ (document.querySelector(".scroller"));
      /** @type {number[]} */
      const times = [];
      let [last, still] = [0, 0];
      const end = performance.now() + 5_000;
      while (performance.now() < end && still < 120) {
        const at = scroller.scrollTop;
        scroller.scrollTop += direction * 400;
        still = scroller.scrollTop === at ? still + 1 : 0;
        const now = await new Promise(requestAnimationFrame);
        if (last > 0 && still === 0) times.push(now - last);
        last = now;
      }
      return { times, isOver: still >= 120 };
    }, direction);
    times.push(...part.times);
    isOver = part.isOver;
  }
  times.sort((one, other) => one - other);
  const total = times.reduce((sum, time) => sum + time, 0);
  const at = (/** @type {number} */ share) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  const late = times.filter((time) => time > 33.4).length;
  return `${(times.length / (total / 1000)).toFixed(1)} frames a second over ${(total / 1000).toFixed(0)} s; median ${at(0.5)} ms, 99 of 100 within ${at(0.99)} ms, ${late} of ${times.length} later than 33 ms`;
}
