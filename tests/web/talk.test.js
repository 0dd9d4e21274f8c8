// Two or three browsers that talk to each other.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KEYS } from "./support/browser.js";
import { Scene, says, words, write } from "./support/scene.js";
import { until } from "./support/patience.js";

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

test("two find each other and talk", async () => {
  await scene.person("cleo", "Cleo Dubois");
  const ann = await scene.newcomer("ann", "Ann Lee");
  const bob = await scene.newcomer("bob", "Bob Marsh");

  await ann.click("a[aria-label='Find people']");
  await ann.type("people-page input[type=search]", "marsh");
  await ann.miss("people-page .person", "Cleo");
  await ann.click("button[aria-label='Add contact: Bob Marsh']");
  await ann.see(".notice", "Bob Marsh is a contact now");
  await ann.click("button[aria-label='Message Bob Marsh']");
  await ann.see(".subtitle", "Online");
  await ann.see("message-list .history", "beginning of your conversation with Bob Marsh");

  await ann.type("message-composer textarea", "Tea at f");
  await bob.see(".conversation .preview", "typing…");
  await ann.paste("message-composer textarea", "Tea at five?");
  await ann.press(KEYS.Enter);
  await bob.see(".conversation .preview", "Tea at five?");
  assert.deepEqual(await bob.texts(".conversation .badge"), ["1"]);
  await until("the title tells", async () => (await bob.run(() => document.title)) === "(1) Chat");
  await ann.see("[data-mark=Delivered]");

  await bob.click(".conversation", "Ann Lee");
  await bob.see(".message .content", "Tea at five?");
  await ann.see("[data-mark=Read]");
  await ann.see(".seen", "Seen by Bob Marsh");
  await bob.miss(".conversation .badge");
  await until("the title is quiet", async () => (await bob.run(() => document.title)) === "Chat");

  await write(bob, "Yes!");
  await ann.see(".message .content", "Yes!");
  assert.deepEqual(await words(ann), ["Tea at five?", "Yes!"]);
  assert.deepEqual(await words(bob), ["Tea at five?", "Yes!"]);

  await bob.goto("#/settings");
  await bob.click("button", "Log out");
  await bob.click("dialog button", "Log out");
  await ann.see(".subtitle", "Last online");
  assert.deepEqual([...(await ann.errors()), ...(await bob.errors())], []);
});

test("a message is replied to, edited, copied and deleted, by mouse and by keyboard", async () => {
  const dan = await scene.person("dan", "Dan Levi");
  const eve = await scene.newcomer("eve", "Eve Stone");
  const eveId = (await dan.request("GET", "users/user_id/eve")).user_id;
  const id = await dan.direct(eveId);
  for (let count = 0; count < 120; count += 1) dan.send(id, `line ${count}`);
  const original = await says(dan, id, "the original");
  for (let count = 0; count < 120; count += 1) dan.send(id, `more ${count}`);
  await until("all is said", () => dan.outbox.of(id).length === 0, dan);
  await dan.open(id);

  await eve.goto(`#/c/${id}`);
  await eve.see(".separator", "New messages");
  await eve.click(".latest");
  await eve.see(".message", "more 119");
  await says(dan, id, "an answer", original.id);
  await eve.see(".message .quote", "the original");
  await eve.click(".quote", "the original");
  await eve.see(".message.found, .message:focus", "the original");

  await eve.hover(".message[data-id] .content", "the original");
  await eve.click(".toolbar [aria-label=Copy]");
  await eve.see(".notice", "Copied");
  await eve.click(".toolbar [aria-label=Reply]");
  await eve.see(".about-bar", "Reply to Dan Levi");
  await write(eve, "and mine");
  await eve.see(".message[data-own] .quote", "the original");
  await until("it has arrived", () => dan.conversation(id)?.last_message?.reply_id === original.id, dan);

  await eve.press(KEYS.Up);
  await eve.see(".about-bar", "Edit message");
  await write(eve, "and mine, changed");
  await eve.see(".message[data-own] .edited");
  await until("dan sees it", () => dan.conversation(id)?.last_message?.content === "and mine, changed", dan);

  await eve.hover(".message[data-own] .content", "and mine, changed");
  await eve.click(".toolbar [aria-label=Delete]");
  await eve.click("dialog button", "Delete");
  await eve.see(".message[data-own] .gone", "Message deleted");
  await until("dan sees that", () => dan.conversation(id)?.last_message?.deleted, dan);

  await write(eve, "by keyboard");
  await eve.see(".message[data-own]", "by keyboard");
  await eve.press(KEYS.Shift, KEYS.Up);
  await eve.press(KEYS.Delete);
  await eve.click("dialog button", "Delete");
  await until("it is gone", () => dan.conversation(id)?.last_message?.deleted && dan.conversation(id)?.last_message?.content === "", dan);
  assert.deepEqual(await eve.errors(), []);
});

test("what the server refuses is marked, and can be sent again or discarded", async () => {
  const fay = await scene.person("fay");
  const gus = await scene.newcomer("gus");
  const id = await fay.createGroup("short-lived", ["gus"], "private");
  await gus.goto(`#/c/${id}`);
  await gus.see("message-list .history", "beginning");
  // The answer to what is sent now can only be that one is not in it any more.
  await gus.network({ isOffline: true });
  await gus.run(() => document.dispatchEvent(new Event("visibilitychange")));
  await write(gus, "too late");
  await gus.see("[data-mark='Waiting to be sent'], [data-mark=Delivered]");
  await gus.network({});
  await gus.see("[data-mark=Delivered]");

  const other = await fay.createGroup("other", ["gus"], "private");
  await gus.goto(`#/c/${other}`);
  await gus.see("message-list .history", "beginning");
  await gus.run((id) => localStorage.setItem(`chat-outbox:${JSON.parse(localStorage.getItem("chat-login") ?? "").user.id}:x`, JSON.stringify({ nonce: "x", conversation_id: id, content: "never", reply_id: 999999, created_at: 1, refusal: null })), other);
  await gus.reload();
  await gus.see(".refusal", "Not sent");
  await gus.see("[data-mark='Not sent']");
  await gus.click(".refusal button", "Try again");
  await gus.see(".refusal", "Not sent");
  await gus.click(".refusal button", "Discard");
  await gus.miss(".refusal");
});

test("who is blocked cannot write until the block ends", async () => {
  const lou = await scene.person("lou", "Lou Reyes");
  const mia = await scene.newcomer("mia", "Mia Wolf");
  const id = await lou.direct((await lou.request("GET", "users/user_id/mia")).user_id);
  await says(lou, id, "hello");
  await mia.goto(`#/c/${id}`);
  await mia.see(".message", "hello");
  await mia.click("a[aria-label=Details]");
  await mia.click("conversation-info button", "Block");
  await mia.click("dialog button", "Block");
  await mia.see("conversation-info button", "Unblock");
  assert.equal(await mia.sees("conversation-info button", "Add contact"), false);
  const { nonce } = lou.send(id, "are you there?");
  await until("it is refused", () => lou.outbox.find(nonce)?.refusal, lou);

  await mia.goto("#/settings");
  await mia.see("settings-page .person", "Lou Reyes");
  await mia.click("button[aria-label='Unblock Lou Reyes']");
  await mia.see("settings-page", "You block nobody");
  lou.retry(nonce);
  await until("it is sent", () => !lou.outbox.find(nonce), lou);

  await mia.click(".option", "Strangers");
  const seen = () => lou.request("GET", "users/user_id/mia").then(({ user_id }) => lou.request("GET", `users/${user_id}`));
  await until("strangers see nobody online", async () => (await seen()).is_online === false, lou);
  await mia.goto(`#/c/${id}`);
  await mia.see(".message", "are you there?");
  assert.deepEqual(await mia.errors(), []);
});

test("what is in one tab is in the other", async () => {
  const hal = await scene.person("hal");
  const ida = await scene.newcomer("ida");
  const id = await hal.direct((await hal.request("GET", "users/user_id/ida")).user_id);
  await says(hal, id, "hello");
  await ida.goto(`#/c/${id}`);
  await ida.see(".message", "hello");
  await ida.openTab(`#/c/${id}`);
  await write(ida, "from the second tab");
  await ida.see("[data-mark=Delivered]");
  await ida.closeTab();
  await ida.see(".message", "from the second tab");
  assert.deepEqual(await words(ida), ["hello", "from the second tab"]);
});

test("the desktop is told of what comes while nobody looks", async () => {
  const joy = await scene.person("joy", "Joy Park");
  const kim = await scene.newcomer("kim");
  const id = await joy.direct((await joy.request("GET", "users/user_id/kim")).user_id);
  await kim.see(".conversation", "Joy Park");
  // The desktop is outside the browser: what the page asks of it is noted instead.
  await kim.run(() => {
    const told = /** @type {any[]} */ ([]);
    class Noted {
      static permission = "granted";
      static requestPermission = async () => "granted";
      /** @param {string} title @param {object} options */
      constructor(title, options) {
        told.push({ title, ...options });
      }
    }
    Object.assign(globalThis, { Notification: Noted, told });
  });
  await kim.goto("#/settings");
  await kim.click(".option", "Desktop notifications");
  await kim.see(".switch:checked");
  await kim.run(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  await says(joy, id, "look here");
  const told = await until("it is told", async () => (await kim.run(() => /** @type {any} */ (globalThis).told))[0]);
  assert.equal(told.title, "Joy Park");
  assert.equal(told.body, "look here");
  await until("the title tells", async () => (await kim.run(() => document.title)) === "(1) Chat");
});
