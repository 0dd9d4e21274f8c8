// What people type to make a page do their bidding, typed into every field. Nothing of it is ever interpreted.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Scene, says, words, write } from "./support/scene.js";

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

/** Each sets `hacked` if it runs. */
const CORPUS = [
  `<script>hacked=1</script>`,
  `<img src=x onerror="hacked=1">`,
  `"><svg/onload=hacked=1>`,
  `'"></textarea><iframe srcdoc="<script>parent.hacked=1</script>">`,
  `javascript:hacked=1`,
  `<a href="javascript:hacked=1">click</a>`,
  `https://example.org/"onmouseover="hacked=1`,
  `http://example.org/<script>hacked=1</script>`,
  `{{constructor.constructor('hacked=1')()}}\${hacked=1}`,
  `<math><mi xlink:href="data:x,<script>hacked=1</script>">`,
  `\`<style>*{display:none}</style>\``,
  "```<body onload=hacked=1>```",
  `&lt;img src=x onerror=hacked=1&gt;`,
  `<details open ontoggle=hacked=1>`,
  `data:text/html,<script>hacked=1</script>`,
  `\u202Eeliforp\u202C <b>bold</b>`,
];
/** Elements that only markup could have brought in. */
const FOREIGN = "main script, main iframe, main math, main details, main style, main b, .scroller img, nav script, nav img, aside script, aside img, .notices script";

/** @param {import("./support/browser.js").Browser} browser */
async function isUnharmed(browser) {
  const found = await browser.run((foreign) => [...document.querySelectorAll(foreign)].map((element) => element.outerHTML), FOREIGN);
  assert.deepEqual(found, []);
  assert.equal(await browser.run(() => typeof (/** @type {any} */ (globalThis).hacked)), "undefined");
  const addresses = await browser.run(() => [...document.querySelectorAll("main a[href], nav a[href]")].map((anchor) => anchor.getAttribute("href") ?? ""));
  assert.deepEqual(addresses.filter((address) => !/^(#|https?:)/.test(address)), []);
}

test("as messages they are shown as they were typed", async () => {
  const ann = await scene.newcomer("ann");
  const bob = await scene.person("bob");
  const id = await bob.createGroup("group", ["ann"], "private");
  await ann.goto(`#/c/${id}`);
  await ann.see(".history", "beginning");
  for (const text of CORPUS) await write(ann, text);
  await ann.see(".message", "bold");
  const plain = (/** @type {string} */ text) => text.replaceAll("`", "").trim();
  assert.deepEqual((await words(ann)).map(plain), CORPUS.map(plain));
  for (const text of CORPUS) await says(bob, id, text);
  await ann.see(".conversation .preview", "bold");
  await isUnharmed(ann);
  const message = bob.conversation(id)?.messages[0];
  await says(bob, id, "reply", message?.id);
  await ann.see(".quote", "<script>");
  await isUnharmed(ann);
});

test("as names of people and groups, as pictures and as searches, too", async () => {
  const cleo = await scene.newcomer("cleo");
  for (const [index, text] of CORPUS.entries()) {
    const name = text.slice(0, 120);
    const person = await scene.person(`hostile${index}`, name);
    const id = await person.createGroup(name, ["cleo"], "public");
    await says(person, id, text);
    await person.updateMe({ profile_picture: "https://127.0.0.1:1/\"onerror=\"hacked=1" }).catch(() => {});
  }
  await cleo.see(".conversation", "eliforp");
  await isUnharmed(cleo);
  for (const page of ["#/people", "#/groups", "#/new-group"]) {
    await cleo.goto(page);
    await cleo.see("main .person");
    await isUnharmed(cleo);
    for (const text of CORPUS.slice(0, 5)) await cleo.paste("main input[type=search]", text);
    await cleo.see("main .person, main .empty");
    await isUnharmed(cleo);
  }
  await cleo.goto("#/");
  await cleo.click(".conversation", "<script>");
  await cleo.click("a[aria-label=Details]");
  await cleo.see(".members .person");
  await isUnharmed(cleo);
});

test("as one's own name, and in every field of the start", async () => {
  const dan = await scene.newcomer("dan");
  for (const text of CORPUS.slice(0, 6)) {
    await dan.goto("#/settings");
    await dan.paste("input[name=fullname]", text);
    await dan.click("button", "Save");
    await dan.see(".notice");
    await dan.goto("#/");
    await dan.reload();
    await dan.see(".welcome");
    await isUnharmed(dan);
  }
  const stranger = await scene.driver.open(scene.server.base);
  for (const text of CORPUS) {
    await stranger.goto("#/login");
    await stranger.paste("input[name=username]", text);
    await stranger.paste("input[name=password]", text);
    await stranger.click("button", "Log in");
    await stranger.see(".failure", ".");
    await stranger.goto(`#/verify?email=${encodeURIComponent(text)}&code=${encodeURIComponent(text)}`);
    await stranger.see("input[name=code]");
    await isUnharmed(stranger);
    await stranger.goto(`#/${encodeURIComponent(text)}`);
    await isUnharmed(stranger);
  }
});
