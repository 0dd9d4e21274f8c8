// A conversation of ten thousand messages. The rule of the list: whatever is loaded above, what one reads stays in its place.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Scene, says } from "./support/scene.js";
import { until } from "./support/patience.js";

/** @import { Browser } from "./support/browser.js" */

const COUNT = 10_000;
/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open(["--durability", "normal"])));
after(() => scene.close());

/** Scrolls as a wheel does, and says what was at the top before and where it is now. @param {Browser} browser @param {number} by */
function scrolled(browser, by) {
  return browser.run(async (by) => {
    const scroller = /** @type {HTMLElement} */ (document.querySelector(".scroller"));
    const edge = scroller.getBoundingClientRect().top;
    const row = /** @type {HTMLElement} */ ([...scroller.querySelectorAll(".message[data-id]")].find((row) => row.getBoundingClientRect().bottom > edge));
    const before = row.getBoundingClientRect().top;
    const from = scroller.scrollTop;
    scroller.scrollTop += by;
    const moved = scroller.scrollTop - from;
    // What the scrolling causes is drawn in the next frames.
    for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
    const after = row.isConnected ? row.getBoundingClientRect().top : null;
    return { drift: after === null ? null : Math.abs(after - (before - moved)), rows: scroller.querySelectorAll(".message").length, first: scroller.querySelector(".message .content")?.textContent ?? "" };
  }, by);
}

test("ten thousand messages are scrolled through to the first one, without a jump", async () => {
  const ann = await scene.person("ann");
  const bob = await scene.newcomer("bob");
  const id = await ann.createGroup("Long", [], "private");
  for (let count = 1; count <= COUNT; count += 1) ann.send(id, `message ${count}`);
  await until("all are sent", () => ann.outbox.of(id).length === 0, ann);
  await ann.request("PUT", `groups/${id}/members/${(await ann.request("GET", "users/user_id/bob")).user_id}`);
  await bob.goto(`#/c/${id}`);
  await bob.see(".message", `message ${COUNT}`);
  let most = 0;
  for (let first = "the newest"; first !== "message 1"; ) {
    first = await until(`something is seen above ${first}`, async () => {
      const seen = await scrolled(bob, -3_000);
      most = Math.max(most, seen.rows);
      if (seen.drift !== null) assert.ok(seen.drift <= 1, `what was read moved by ${seen.drift} pixels`);
      return seen.first === first ? "" : seen.first;
    });
  }
  assert.ok(most <= 330, `${most} rows were on the page at once`);
  await bob.see(".history", "beginning");

  // All are loaded now: someone writes, and the page goes to the end.
  await says(ann, id, "the newest");
  await bob.click(".latest");
  await bob.see(".message", "the newest");
  assert.ok((await scrolled(bob, 0)).rows <= 330);
  assert.deepEqual(await bob.errors(), []);
});

test("one begins at the first unread message, however many there are", async () => {
  const cleo = await scene.person("cleo");
  const dan = await scene.newcomer("dan");
  const id = await cleo.createGroup("Busy", ["dan"], "private");
  await dan.goto(`#/c/${id}`);
  await says(cleo, id, "read");
  await dan.see(".message", "read");
  await until("it is marked", async () => !(await dan.sees(".conversation .badge")));
  await dan.goto("#/");
  for (let count = 1; count <= 150; count += 1) cleo.send(id, `unread ${count}`);
  await until("all are sent", () => cleo.outbox.of(id).length === 0, cleo);
  await dan.see(".conversation .badge", "150");
  await dan.reload();
  await dan.goto(`#/c/${id}`);
  await dan.see(".separator", "New messages");
  const after = await dan.run(() => document.querySelector(".unread-line + .message .content")?.textContent);
  assert.equal(after, "unread 1");
  const { top, bottom } = await dan.run(() => {
    const line = /** @type {Element} */ (document.querySelector(".unread-line")).getBoundingClientRect();
    const view = /** @type {Element} */ (document.querySelector(".scroller")).getBoundingClientRect();
    return { top: line.top - view.top, bottom: view.bottom - line.bottom };
  });
  assert.ok(top >= 0 && bottom >= 0, "the line is in view");

  // So many that they are not loaded at once: a button leads there.
  await dan.goto("#/");
  for (let count = 1; count <= 700; count += 1) cleo.send(id, `later ${count}`);
  await until("all are sent", () => cleo.outbox.of(id).length === 0, cleo);
  const elsewhere = await scene.browser("dan");
  await elsewhere.goto(`#/c/${id}`);
  await elsewhere.click(".to-unread");
  await elsewhere.see(".message", "unread");
});
