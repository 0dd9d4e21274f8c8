// Swagger UI, as it comes from the server: offline, within its policy, usable with a login.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, Scene } from "./support/scene.js";

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

test("one logs in with a token and tries a route", async () => {
  const { base } = scene.server;
  const ask = (/** @type {string} */ path, /** @type {object} */ body) => fetch(base + path, { method: "POST", body: JSON.stringify(body) });
  assert.equal((await ask("users/register", { username: "swagger", password: PASSWORD })).status, 201);
  const { access_token } = /** @type {any} */ (await (await ask("users/login", { username: "swagger", password: PASSWORD })).json());

  const browser = await scene.driver.open(base, { height: 1200 });
  await browser.goto("schema/swagger-ui");
  await browser.click("button.authorize", "Authorize");
  await browser.type("input#auth-bearer-value", access_token);
  await browser.click("button.authorize.modal-btn", "Authorize");
  await browser.click("button.btn-done", "Close");
  await browser.see("button.authorize.locked");
  const me = "#operations-users-get_users_me";
  await browser.click(`${me} .opblock-summary-control`);
  await browser.click(`${me} button.execute`);
  await browser.see(`${me} .live-responses-table .response-col_status`, "200");
  await browser.see(`${me} .live-responses-table .highlight-code`, "swagger");
  await browser.run((me) => document.querySelector(me)?.scrollIntoView(), me);
  if (process.env.CHAT_SCREENSHOTS) await browser.screenshot(`${process.env.CHAT_SCREENSHOTS}/swagger.png`);
  // Nothing came from elsewhere, and nothing was against the policy.
  assert.deepEqual(await browser.errors(), []);
  const names = await browser.run(() => performance.getEntriesByType("resource").map((entry) => entry.name));
  assert.deepEqual(names.filter((name) => !name.startsWith(base) && !name.startsWith("data:")), []);
});
