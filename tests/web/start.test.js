// Coming in and going out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "node:http";
import { ChatClient } from "../../examples/server/web/client/client.js";
import { Server } from "./support/server.js";
import { PASSWORD, Scene, logIn, write } from "./support/scene.js";
import { offers } from "../../examples/server/web/client/http.js";
import { until } from "./support/patience.js";

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

test("one registers without an address, stays logged in, logs out and in again", async () => {
  const browser = await scene.driver.open(scene.server.base);
  await browser.click("a", "Create an account");
  await browser.type("input[name=username]", "ann");
  await browser.type("input[name=fullname]", "Ann Lee");
  await browser.type("input[name=password]", PASSWORD);
  await browser.click("button", "Create account");
  await browser.see(".welcome", "Hello, Ann Lee!");
  await browser.reload();
  await browser.see(".welcome", "Hello, Ann Lee!");

  await browser.click(".self");
  await browser.click("button", "Log out");
  await browser.click("dialog button", "Log out");
  await browser.see(".start", "Welcome");
  await browser.reload();
  await browser.see(".start", "Welcome");
  await logIn(browser, "ann");
  await browser.see(".welcome", "Hello, Ann Lee!");
  assert.deepEqual(await browser.errors(), []);
});

test("what is wrong is said at the field, and a wrong password in a sentence", async () => {
  await scene.person("bob");
  const browser = await scene.driver.open(scene.server.base, {});
  await browser.type("input[name=username]", "bob");
  await browser.type("input[name=password]", "not this");
  await browser.click("button", "Log in");
  await browser.see(".failure", ".");
  await browser.goto("#/register");
  await browser.type("input[name=username]", "bob");
  await browser.type("input[name=password]", PASSWORD);
  await browser.click("button", "Create account");
  await browser.see("input[name=username][aria-invalid]");
  await browser.type("input[name=username]", "no spaces");
  await browser.click("button", "Create account");
  await browser.see("input[name=username][aria-invalid]");
});

test("a login that is revoked elsewhere ends at once, and logins are listed", async () => {
  const first = await scene.newcomer("cleo");
  const second = await scene.browser("cleo");
  await first.click(".self");
  // Whoever registered by the library is a login of its own.
  await first.see("settings-page .person", "Another browser or app");
  await first.click("settings-page button[aria-label^='End the login']");
  await first.see(".notice", "ended");
  const isOut = () => second.sees(".start");
  while (!(await isOut()) && (await first.sees("settings-page button[aria-label^='End the login']"))) {
    await first.click("settings-page button[aria-label^='End the login']");
    await until("it has ended", async () => (await isOut()) || !(await first.sees("settings-page button[aria-label^='End the login']")));
  }
  await second.see(".start");
  assert.equal(await first.sees(".start"), false);
});

test("all tabs log out together", async () => {
  const browser = await scene.newcomer("dan");
  await browser.openTab("#/settings");
  await browser.click("button", "Log out");
  await browser.click("dialog button", "Log out");
  await browser.see(".start");
  await browser.closeTab();
  await browser.see(".start");
});

test("a profile is changed, and a password", async () => {
  const browser = await scene.newcomer("eve");
  await browser.click(".self");
  await browser.type("input[name=fullname]", "Eve Stone");
  await browser.click("button", "Save");
  await browser.see(".notice", "Saved");
  const form = (/** @type {string} */ action) => `form:has(input[name=${action}])`;
  await browser.type(`${form("password")} input[name=old_password]`, PASSWORD);
  await browser.type(`${form("password")} input[name=password]`, "another one");
  await browser.click("button", "Change password");
  await browser.see(".notice", "changed");
  await browser.click("button", "Log out");
  await browser.click("dialog button", "Log out");
  await browser.see(".start");
  await logIn(browser, "eve", "another one");
  await browser.see(".welcome", "Eve Stone");
});

test("a picture on this server is shown, and one of another host is not even asked for", async () => {
  const away = await PictureHost.start();
  try {
    const [ida, ike] = [await scene.person("ida"), await scene.person("ike")];
    await ida.updateMe({ profile_picture: `${scene.server.base}web/icon.svg` });
    await ike.updateMe({ profile_picture: away.picture });
    const jan = await scene.newcomer("jan");
    await jan.run(() => localStorage.setItem("chat-preferences", JSON.stringify({ loadsPictures: true })));
    await jan.goto("#/people");
    await jan.see(".person user-avatar img[data-loaded]");
    await jan.see(".person", "ike");
    const shown = await jan.run(() => [...document.querySelectorAll("img")].map(({ src }) => new URL(src).host));
    assert.deepEqual(new Set(shown), new Set([new URL(scene.server.base).host]));
    // Nor would the browser let a page that was tricked.
    await jan.run((picture) => new Promise((resolve) => Object.assign(new Image(), { src: picture, onload: () => resolve(""), onerror: () => resolve("") })), away.picture);
    await jan.goto("#/settings");
    assert.equal(await jan.sees(".option", "Profile pictures"), false);
    await jan.see("settings-page", "This chat shows pictures that are on 127.0.0.1");
  } finally {
    assert.equal(await away.stop(), 0);
  }
});

test("where the operator allows it, one chooses to see pictures from other hosts", async () => {
  const server = await Server.start(["--remote-pictures"]);
  const away = await PictureHost.start();
  try {
    const ken = new ChatClient({ base: server.base });
    await ken.register({ username: "ken", password: PASSWORD, profile_picture: away.picture });
    await ken.register({ username: "lea", password: PASSWORD });
    const lea = await scene.driver.open(server.base);
    await logIn(lea, "lea");
    await lea.goto("#/people");
    await lea.see(".person", "ken");
    assert.equal(await lea.sees(".person img"), false);
    await lea.goto("#/settings");
    await lea.click(".option", "Profile pictures");
    await lea.goto("#/people");
    await lea.see(".person user-avatar img[data-loaded]");
    // The log of the network tells of it, so it would tell of others.
    await lea.close();
    assert.deepEqual(lea.foreign, [away.picture]);
    lea.foreign = [];
  } finally {
    assert.equal(await away.stop(), 1);
    await server.stop();
  }
});

test("an account is deleted, after its name was typed", async () => {
  const browser = await scene.newcomer("finn");
  await browser.goto("#/settings");
  await browser.click("button", "Delete account");
  await browser.type("dialog input", "finn");
  await browser.click("dialog button", "Delete");
  await browser.see(".start");
  await browser.type("input[name=username]", "finn");
  await browser.type("input[name=password]", PASSWORD);
  await browser.click("button", "Log in");
  await browser.see(".failure", ".");
});

test("what the server does not offer is not shown, and what it offers works", async () => {
  const browser = await scene.driver.open(scene.server.base);
  const { base } = scene.server;
  const [guests, reset, verify] = await Promise.all(["users/guest", "users/forgot_password", "users/verify"].map((path) => offers(base, "POST", path)));
  if (guests) await browser.see(".guest");
  else await browser.miss(".guest");
  if (!reset) return browser.miss("a", "Forgot your password?");

  await browser.click("a", "Create an account");
  await browser.type("input[name=username]", "gil");
  await browser.type("input[name=email]", "gil@example.org");
  await browser.type("input[name=password]", PASSWORD);
  await browser.click("button", "Create account");
  await browser.see("conversation-list");
  if (verify) {
    await browser.click(".self");
    await browser.type("settings-page input[name=code]", await mailed(/\b(\d{6})\b/));
    await browser.click("button", "Verify");
    await browser.see(".notice", "verified");
  }
  await browser.goto("#/settings");
  await browser.click("button", "Log out");
  await browser.click("dialog button", "Log out");
  await browser.click("a", "Forgot your password?");
  await browser.type("input[name=email]", "gil@example.org");
  await browser.click("button", "Send the link");
  await browser.see("[role=status]", "a mail is on its way");
  await browser.goto(`#${await mailed(/#(reset_password\?\S+?)["\s<]/)}`);
  await browser.type("input[name=password]", "a new one");
  await browser.click("button", "Change password");
  await browser.see(".welcome", "gil");
});

test("where guests are let in, an address is enough, and whoever has a password is kept", async () => {
  const server = await Server.start(["--guests"]);
  try {
    const library = new ChatClient({ base: server.base });
    await library.register({ username: "mo", email: "mo@example.org", password: PASSWORD });
    const guest = await scene.driver.open(server.base);
    await guest.see(".guest", "Just looking?");
    await guest.type(".guest input[name=email]", "mo@example.org");
    await guest.click(".guest button", "Start as a guest");
    await guest.see(".guest .failure, .guest [aria-invalid] + .hint", ".");
    assert.equal(await guest.sees("conversation-list"), false);
    await guest.type(".guest input[name=email]", "nia@example.org");
    await guest.click(".guest button", "Start as a guest");
    await guest.see(".welcome", "Hello");
    await guest.see(".choice", "Create a group");
    await guest.reload();
    await guest.see(".welcome", "Hello");
    await guest.goto("#/people");
    await guest.click("button[aria-label='Message mo']");
    await guest.see(".history", "beginning of your conversation with mo");
    await write(guest, "may I come in?");
    await guest.see("[data-mark=Delivered]");
  } finally {
    await server.stop();
  }
});

test("where addresses must be verified, the code from the mail lets one in", async () => {
  const server = await Server.start(["--require-verification"]);
  try {
    const browser = await scene.driver.open(server.base);
    await browser.goto("#/register");
    await browser.type("input[name=username]", "hal");
    await browser.type("input[name=email]", "hal@example.org");
    await browser.type("input[name=password]", PASSWORD);
    await browser.click("button", "Create account");
    await browser.see("h1", "Check your mail");
    await browser.type("input[name=code]", await mailed(/\b(\d{6})\b/, server));
    await browser.click("button", "Verify");
    await browser.see(".welcome", "hal");
  } finally {
    await server.stop();
  }
});

/** Another host, with a picture, which notes who asks for it. */
class PictureHost {
  #asked = 0;
  #server = createServer((_, response) => {
    this.#asked += 1;
    response.writeHead(200, { "content-type": "image/svg+xml" }).end(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`);
  });

  static async start() {
    const host = new PictureHost();
    await new Promise((resolve) => host.#server.listen(0, "127.0.0.1", () => resolve(undefined)));
    return host;
  }

  get picture() {
    return `http://localhost:${/** @type {import("node:net").AddressInfo} */ (this.#server.address()).port}/picture.svg`;
  }

  /** @returns {Promise<number>} how often it was asked */
  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    return this.#asked;
  }
}

/** What the newest mail that has it says there. @param {RegExp} pattern @param {Server} [server] */
async function mailed(pattern, server = scene.server) {
  return until("a mail has come", async () => {
    const mails = (await server.mails()).map(decoded);
    return mails.reverse().map((mail) => pattern.exec(mail)?.[1]).find(Boolean);
  });
}

/** Undoes quoted-printable (RFC 2045, section 6.7) in the parts that are written so; in others `=` means itself. @param {string} mail */
function decoded(mail) {
  const plain = (/** @type {string} */ part) => part.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return mail.split(/^--/m).map((part) => (/^Content-Transfer-Encoding: quoted-printable/im.test(part) ? plain(part) : part)).join("--");
}
