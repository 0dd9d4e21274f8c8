// When things break: the server is killed, the network is slow or gone. Nothing is lost or doubled on the screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, Scene, says, words, write } from "./support/scene.js";
import { Server } from "./support/server.js";
import { until } from "./support/patience.js";

/** @import { Browser } from "./support/browser.js" */

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

/** Lets a page look for the server now. @param {Browser} browser */
const lookAgain = (browser) => browser.run(() => void document.dispatchEvent(new Event("visibilitychange")));

/** @param {Browser} browser @param {string[]} expected */
async function shows(browser, expected) {
  await until(`${expected.length} messages are shown`, async () => {
    await lookAgain(browser);
    return (await words(browser)).length >= expected.length && !(await browser.sees("[data-state=waiting]"));
  });
  assert.deepEqual((await words(browser)).toSorted(), expected.toSorted());
}

/** Waits until the page could open without a server. @param {Browser} browser */
async function areFilesKept(browser) {
  const isReady = () => browser.run(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated");
  await until("the files are kept", isReady);
}

/** What the browser's database holds. @param {Browser} browser @returns {Promise<unknown[]>} */
function kept(browser) {
  return browser.run(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open("chat");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const { result } = opening;
          const asked = ["head", "conversations"].map((name) => result.transaction(name).objectStore(name).getAll());
          asked[1].onsuccess = () => {
            result.close();
            resolve(asked.flatMap((request) => request.result));
          };
        };
      }),
  );
}

test("the server is killed in mid-conversation, again and again", async () => {
  const ann = await scene.newcomer("ann", "Ann Lee");
  const bob = await scene.newcomer("bob", "Bob Marsh");
  const dan = await scene.person("dan");
  const id = await dan.createGroup("Storm", ["ann", "bob"], "private");
  for (const browser of [ann, bob]) await browser.goto(`#/c/${id}`);
  for (const browser of [ann, bob]) await browser.see(".history", "beginning");
  /** @type {string[]} */
  const said = [];
  for (let round = 0; round < 3; round += 1) {
    for (const [browser, name] of /** @type {[Browser, string][]} */ ([[ann, "ann"], [bob, "bob"]])) {
      said.push(`${name} before ${round}`);
      await write(browser, `${name} before ${round}`);
    }
    await scene.server.kill();
    for (const browser of [ann, bob]) await browser.see(".connection", "No connection");
    for (const [browser, name] of /** @type {[Browser, string][]} */ ([[ann, "ann"], [bob, "bob"]])) {
      said.push(`${name} meanwhile ${round}`);
      await write(browser, `${name} meanwhile ${round}`);
      await browser.see("[data-state=waiting]", `${name} meanwhile ${round}`);
    }
    await scene.server.run();
    for (const browser of [ann, bob]) await shows(browser, said);
    for (const browser of [ann, bob]) await browser.miss(".connection");
  }
  assert.deepEqual(await words(ann), await words(bob));
  await until("dan has all", () => dan.conversation(id)?.last_seq === said.length, dan);
});

test("what was loaded stays readable without a network, and what is written goes out once", async () => {
  const eve = await scene.newcomer("eve");
  const fay = await scene.person("fay");
  const id = await fay.createGroup("Tunnel", ["eve"], "private");
  await says(fay, id, "before the tunnel");
  await eve.goto(`#/c/${id}`);
  await eve.see(".message", "before the tunnel");
  await scene.server.kill();
  await eve.see(".connection");
  assert.deepEqual(await words(eve), ["before the tunnel"]);
  await write(eve, "in the tunnel");
  await eve.goto("#/");
  await eve.see(".conversation .preview", "You: in the tunnel");
  await scene.server.run();
  await lookAgain(eve);
  await until("fay hears", () => fay.conversation(id)?.last_message?.content === "in the tunnel", fay);
  await eve.goto(`#/c/${id}`);
  await shows(eve, ["before the tunnel", "in the tunnel"]);
});

test("without a server the page opens, shows what was loaded, and keeps what is written, also in another tab", async () => {
  const kim = await scene.newcomer("kim", "Kim Ode");
  const lou = await scene.person("lou", "Lou Reyes");
  const id = await lou.createGroup("Cellar", ["kim"], "private");
  const other = await lou.createGroup("Attic", ["kim"], "private");
  await says(lou, id, "before the cellar");
  await says(lou, other, "nobody opens this");
  await kim.goto(`#/c/${id}`);
  await kim.see(".message .author", "Lou Reyes");
  await kim.see(".conversation .preview", "nobody opens this");
  await areFilesKept(kim);
  await until("what was loaded is kept", async () => {
    const known = JSON.stringify(await kept(kim));
    return known.includes('"messages":[{') && known.includes('"fullname":"Lou Reyes"');
  });
  await scene.server.kill();
  await kim.reload();
  await kim.see(".connection", "No connection");
  await kim.see(".subtitle", "No connection");
  await kim.see(".message .author", "Lou Reyes");
  assert.deepEqual(await words(kim), ["before the cellar"]);
  await write(kim, "from the cellar");
  await kim.see("[data-state=waiting]", "from the cellar");
  await kim.reload();
  await kim.see("[data-state=waiting]", "from the cellar");

  await kim.openTab(`#/c/${id}`);
  await kim.see("[data-state=waiting]", "from the cellar");
  await write(kim, "from another tab");
  await kim.goto(`#/c/${other}`);
  await kim.see(".history", "not in this browser yet");
  await scene.server.run();
  await lookAgain(kim);
  await kim.see(".message", "nobody opens this");
  lou.socket.nudge();
  await until("lou has each once", () => lou.conversation(id)?.last_seq === 3, lou);
  await kim.closeTab();
  await shows(kim, ["before the cellar", "from the cellar", "from another tab"]);
  await lou.open(id);
  assert.equal(lou.conversation(id)?.last_seq, 3);
});

test("after a night away one begins where the new messages do", async () => {
  const mia = await scene.newcomer("mia");
  const ned = await scene.person("ned");
  const id = await ned.createGroup("Night", ["mia"], "private");
  await says(ned, id, "good night");
  await mia.goto(`#/c/${id}`);
  await mia.see(".message", "good night");
  await until("it is read", () => ned.conversation(id)?.marks.get("mia"), ned);
  await mia.goto("data:text/html,");
  for (let count = 1; count <= 60; count += 1) ned.send(id, `at night ${count}`);
  await until("all is said", () => ned.outbox.of(id).length === 0, ned);
  await mia.goto(`#/c/${id}`);
  await mia.see(".separator", "New messages");
  assert.equal(await mia.run(() => document.querySelector(".unread-line + .message .content")?.textContent), "at night 1");
  await mia.see(".latest .badge");
});

test("a new server brings its own page, and a log out leaves nothing behind", async () => {
  const server = await Server.start();
  try {
    const browser = await scene.driver.open(server.base);
    await browser.goto("#/register");
    await browser.type("input[name=username]", "oda");
    await browser.type("input[name=password]", PASSWORD);
    await browser.click("button", "Create account");
    await browser.see(".welcome", "oda");
    await areFilesKept(browser);
    await until("what was loaded is kept", async () => JSON.stringify(await kept(browser)).includes('"owner"'));
    const [before] = await browser.run(() => caches.keys());
    await server.kill();
    await browser.reload();
    await browser.see(".welcome", "oda");
    // What the page is told belongs to its edition, so this server has another one.
    server.flags.push("--remote-pictures");
    await server.run();
    await browser.reload();
    await browser.see("[data-pictures=remote] .welcome", "oda");
    await until("the new edition alone is kept", async () => {
      const names = await browser.run(() => caches.keys());
      return names.length === 1 && names[0] !== before;
    });
    await browser.goto("#/settings");
    assert.notEqual((await kept(browser)).length, 0);
    await browser.click("button", "Log out");
    await browser.see("dialog", "Nothing of your conversations stays");
    await browser.click("dialog button", "Log out");
    await browser.see(".start");
    await until("nothing is kept", async () => (await kept(browser)).length === 0);
    assert.deepEqual(await browser.run(() => Object.keys(localStorage).filter((key) => key !== "chat-preferences")), []);
  } finally {
    await server.stop();
  }
});

test("whoever logs out is told of what would be lost", async () => {
  const pia = await scene.newcomer("pia");
  const quin = await scene.person("quin");
  const id = await quin.createGroup("Last words", ["pia"], "private");
  await pia.goto(`#/c/${id}`);
  await pia.see(".history", "beginning");
  await scene.server.kill();
  await pia.see(".connection");
  await write(pia, "not sent yet");
  await pia.goto("#/settings");
  await pia.click("button", "Log out");
  await pia.see("dialog", "1 message you wrote is not sent yet");
  await pia.click("dialog button", "Log out");
  await pia.see(".start");
  assert.deepEqual(await pia.run(() => Object.keys(localStorage).filter((key) => key !== "chat-preferences")), []);
  await scene.server.run();
});

test("a page that is closed before its message is out sends it the next time", async () => {
  const gus = await scene.newcomer("gus");
  const hal = await scene.person("hal");
  const id = await hal.createGroup("Later", ["gus"], "private");
  await gus.goto(`#/c/${id}`);
  await gus.see(".history", "beginning");
  await scene.server.kill();
  await gus.see(".connection");
  await write(gus, "do not forget me");
  await gus.see("[data-state=waiting]");
  await scene.server.run();
  await gus.goto("#/");
  await gus.reload();
  await until("hal hears", () => hal.conversation(id)?.last_message?.content === "do not forget me", hal);
  await gus.goto(`#/c/${id}`);
  await shows(gus, ["do not forget me"]);
});

test("over a slow network one writes on without waiting", async () => {
  const ida = await scene.newcomer("ida");
  const joy = await scene.person("joy");
  const id = await joy.createGroup("Slow", ["ida"], "private");
  await ida.goto(`#/c/${id}`);
  await ida.see(".history", "beginning");
  await ida.network({ latency: 400, throughput: 20_000 });
  const said = ["one", "two", "three", "four"];
  for (const word of said) await write(ida, word);
  assert.deepEqual(await words(ida), said);
  await shows(ida, said);
  await ida.reload();
  await shows(ida, said);
  await until("joy has each once", () => joy.conversation(id)?.last_seq === said.length, joy);
});
