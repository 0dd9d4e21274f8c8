// How the pages look and feel: for axe, for the keyboard, on the wire, and for people, who find pictures of the main pages
// in `screenshots/`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KEYS } from "./support/browser.js";
import { findings, shifts, transferred } from "./support/measures.js";
import { PASSWORD, Scene, logIn, says } from "./support/scene.js";
import { until } from "./support/patience.js";

/** @import { Browser, Look } from "./support/browser.js" */

const FIRST_PAINT_BYTES_MAX = 100 * 1024;
/** Above this, layout counts as jumping (web.dev/cls calls 0.1 good). */
const SHIFT_MAX = 0.05;
/** @type {[string, Look][]} */
const LOOKS = [
  ["desktop-light", {}],
  ["desktop-dark", { isDark: true }],
  ["phone-light", { width: 390, height: 844, isTouch: true }],
  ["phone-dark", { width: 390, height: 844, isTouch: true, isDark: true }],
];

/** @type {Scene} */
let scene;
/** @type {number} */
let tea;
before(async () => {
  scene = await Scene.open();
  tea = await furnish();
});
after(() => scene.close());

/** Conversations of every kind. */
async function furnish() {
  const ann = await scene.person("ann", "Ann Lee");
  const [bob, cleo, dan] = [await scene.person("bob", "Bob Marsh"), await scene.person("cleo", "Cléo Dubois"), await scene.person("dan", "דן לוי")];
  await ann.ask("add_contact", { contact_username: "bob" });
  const readers = await cleo.createGroup("Rust readers", ["ann"], "public");
  await says(cleo, readers, "Chapter 17 for next week, the one on async.");
  await cleo.createGroup("Chess", ["bob"], "public");
  await says(dan, await dan.direct(ann.me?.id ?? 0), "שלום! מתי נפגשים?");
  const direct = await bob.direct(ann.me?.id ?? 0);
  await says(ann, direct, "The build is green again.");
  await says(bob, direct, "Finally 🎉 What was it?");
  const id = await ann.createGroup("Tea on Fridays", ["bob", "cleo", "dan"], "public");
  const first = await says(ann, id, "Tea at five? I found a place with a garden, quiet enough to talk: https://example.org/gardens?q=tea.");
  await says(bob, id, "Count me in.");
  await says(cleo, id, "Moi aussi!");
  await says(cleo, id, "I will bring the book, the one about gardens, and the cake from last time if there is some left in the shop.");
  await says(dan, id, "אני מגיע באיחור קטן, אבל מגיע", first.id);
  const slip = await says(bob, id, "wrong window");
  await bob.delete(slip.id);
  await says(bob, id, "For those who shop:\n```rust\nlet cups = 4;\nprintln!(\"{cups} cups of tea, and a line so long that it has to be scrolled sideways\");\n```\nor just `cups = 4`.");
  const perfect = await says(ann, id, "Perfect.");
  await ann.edit(perfect.id, "Perfect, see you at five.");
  await says(ann, id, "🫖🍰");
  ann.markRead(id, ann.conversation(id)?.last_message?.id ?? 0);
  return id;
}

/** Everyone reads and someone types, while the browser looks. @param {Browser} browser */
async function liven(browser) {
  const [bob, cleo] = ["bob", "cleo"].map((name) => scene.find(name));
  const { id } = await says(/** @type {any} */ (scene.find("ann")), tea, "🫖");
  for (const client of [bob, cleo]) {
    await until("it is heard", () => client?.conversation(tea)?.last_message?.id === id, client);
    client?.markRead(tea, id);
  }
  await browser.see(".seen", "Bob Marsh");
  // It ends by itself, on a slow machine perhaps before it was looked at.
  await until("someone is seen typing", () => {
    bob?.showTyping(tea, true);
    return browser.sees(".typing[data-shown]");
  });
}

for (const [name, look] of LOOKS) {
  test(`the pages are accessible and pleasant: ${name}`, async () => {
    const folder = process.env.CHAT_SCREENSHOTS ?? new URL("screenshots", import.meta.url).pathname;
    const browser = await scene.driver.open(scene.server.base, look);
    /** @type {Record<string, object[]>} */
    const found = {};
    const keep = async (/** @type {string} */ page) => {
      // What fades in is there before it is looked at.
      await browser.run(() => Promise.allSettled(document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished)).then(() => {}));
      await browser.screenshot(`${folder}/${name}-${page}.png`);
      const violations = await findings(browser);
      if (violations.length > 0) found[page] = violations;
    };
    await browser.see(".start");
    await keep("1-login");
    await browser.click("a", "Create an account");
    await keep("2-register");
    await browser.type("input[name=username]", name);
    await browser.type("input[name=fullname]", "Nia New");
    await browser.type("input[name=password]", PASSWORD);
    await browser.click("button", "Create account");
    await browser.see("conversation-list");
    await browser.see(".choice", "Create a group");
    await keep("3-welcome");
    await browser.goto("#/settings");
    await browser.see("settings-page .person");
    await browser.click("button", "Log out");
    await browser.click("dialog button", "Log out");
    await logIn(browser, "ann");
    await browser.see(".conversation", "Tea on Fridays");
    await keep("4-list");
    await browser.goto(`#/c/${tea}`);
    await browser.see(".message", "see you at five");
    await liven(browser);
    await keep("5-conversation");
    await browser.goto(`#/c/${tea}/info`);
    await browser.see(".members .person", "Bob Marsh");
    await keep("6-details");
    for (const [page, path, seen] of [["7-people", "people", "people-page .person"], ["8-groups", "groups", "groups-page .person"], ["9-new-group", "new-group", ".picker .person"], ["10-settings", "settings", "settings-page .person"]]) {
      await browser.goto(`#/${path}`);
      await browser.see(/** @type {string} */ (seen));
      await keep(/** @type {string} */ (page));
    }
    assert.deepEqual(found, {});
    assert.deepEqual(await browser.errors(), []);
  });
}

test("the first paint is small, comes from this server alone, and does not jump", async () => {
  const browser = await scene.driver.open(scene.server.base);
  await browser.see(".start");
  const first = await transferred(browser);
  console.log(`first paint: ${first.bytes} bytes transferred`);
  assert.ok(first.bytes > 0 && first.bytes < FIRST_PAINT_BYTES_MAX, `${first.bytes} bytes`);
  assert.deepEqual(first.foreign, []);
  const late = await browser.run(() => {
    const named = [.../** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll("link[rel=modulepreload]"))].map(({ href }) => href);
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => /\/(app|client|elements)\//.test(name));
    return { unnamed: loaded.filter((name) => !named.includes(name) && !name.endsWith("/main.js")), unused: named.filter((name) => !loaded.includes(name)) };
  });
  assert.deepEqual(late, { unnamed: [], unused: [] }, "the page names all modules of the first paint, so that they come at once");
  await logIn(browser, "ann");
  await browser.goto(`#/c/${tea}`);
  await browser.reload();
  await browser.see(".message", "see you at five");
  const again = await transferred(browser);
  console.log(`with everything kept: ${again.bytes} bytes transferred`);
  assert.deepEqual(again.foreign, []);
  assert.ok(again.bytes < FIRST_PAINT_BYTES_MAX / 4, `${again.bytes} bytes`);
  const shift = await shifts(browser);
  assert.ok(shift < SHIFT_MAX, `the layout shifted by ${shift}`);
});

test("whatever people write and are called is shown well, and runs out of no page", async () => {
  const word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
  const long = await scene.person("long-name", `${word} of ${word}`.slice(0, 128));
  const id = await long.createGroup(`${word} & friends`.slice(0, 128), ["ann"], "public");
  const [plain, rtl, code, emoji] = ["see https://example.org/a_(b)?q=1.", "שלום עולם, hello", "```rust\nlet long = 1;\n```", "🎉🎉"];
  for (const text of [plain, rtl, code, emoji, word.repeat(4), `https://example.org/${"a".repeat(300)}`]) await says(long, id, text);
  const browser = await scene.browser("ann", { width: 390, height: 844, isTouch: true });
  const spread = () => browser.run(() => [...document.querySelectorAll("html, .shell, .scroller, .scroll, .page-content, main")].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => `${element.tagName}.${element.className}`));
  await browser.see(".conversation", word.slice(0, 20));
  assert.deepEqual(await spread(), []);
  await browser.goto(`#/c/${id}`);
  await browser.see(".content a", "https://example.org/aaaa");
  assert.deepEqual(await spread(), []);
  const shown = await browser.run(() => ({
    link: document.querySelector(".content a")?.getAttribute("href"),
    code: document.querySelector(".content pre code")?.textContent,
    isLarge: parseFloat(getComputedStyle(/** @type {Element} */ (document.querySelector("[data-emoji]"))).fontSize) > 24,
    directions: [...document.querySelectorAll(".content")].map((element) => (element.matches(":dir(rtl)") ? "rtl" : "ltr")).slice(0, 2),
    day: document.querySelector(".separator.day")?.textContent,
  }));
  assert.deepEqual(shown, { link: "https://example.org/a_(b)?q=1", code: "let long = 1;", isLarge: true, directions: ["ltr", "rtl"], day: "Today" });
  await browser.goto(`#/c/${id}/info`);
  await browser.see(".members .person", "@long-name");
  for (const page of [`c/${id}/info`, "people", "groups", "new-group", "settings"]) {
    await browser.goto(`#/${page}`);
    await browser.see(".person");
    assert.deepEqual(await spread(), [], page);
  }
  // What comes is spoken as well as shown.
  await browser.goto(`#/c/${id}`);
  await browser.see(".content a");
  await says(long, id, "spoken");
  await until("it is spoken", () => browser.run(() => [...document.querySelectorAll("[aria-live=polite]")].some((region) => region.textContent?.includes("spoken"))));
});

test("everything is reached by keyboard, with a focus that can be seen", async () => {
  const browser = await scene.driver.open(scene.server.base);
  await browser.see("input[name=username]:focus");
  await browser.keys("ann");
  await browser.press(KEYS.Tab);
  await browser.keys(PASSWORD);
  await browser.press(KEYS.Enter);
  await browser.see(".conversation", "Rust readers");
  await browser.press(KEYS.Control, "k");
  await browser.see("[data-search]:focus");
  await browser.keys("rust");
  await browser.miss(".conversation", "Tea on Fridays");
  await browser.press(KEYS.Down);
  await browser.press(KEYS.Enter);
  await browser.see(".view-head h1", "Rust readers");
  await browser.see("message-composer textarea:focus");
  await browser.keys("by keyboard alone");
  await browser.press(KEYS.Enter);
  await browser.see(".message[data-own]", "by keyboard alone");
  await browser.press(KEYS.Shift, KEYS.Up);
  await browser.see(".message:focus .toolbar");
  await browser.press("r");
  await browser.see(".about-bar", "Reply to yourself");
  await browser.press(KEYS.Escape);
  await browser.miss(".about-bar");
  await browser.press(KEYS.Alt, KEYS.Down);
  await browser.miss(".view-head h1", "Rust readers");
  await browser.see("message-composer textarea:focus");
  await browser.run(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await browser.press(KEYS.Shift, "?");
  await browser.see("dialog", "Keyboard shortcuts");
  await browser.press(KEYS.Escape);
  await browser.miss("dialog");
  await browser.press(KEYS.Escape);
  await browser.see(".welcome", "Choose a conversation");

  await browser.goto(`#/c/${tea}/info`);
  await browser.see(".members .person");
  const reached = new Set();
  for (let count = 0; count < 60; count += 1) {
    await browser.press(KEYS.Tab);
    const focus = await browser.run(() => {
      const element = /** @type {HTMLElement} */ (document.activeElement);
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const name = element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 40) ?? "";
      return { name, isBody: element === document.body, isVisible: outlineStyle !== "none" && outlineWidth !== "0px" };
    });
    if (focus.isBody) continue;
    assert.ok(focus.isVisible, `the focus on "${focus.name}" can be seen`);
    reached.add(focus.name);
  }
  for (const name of ["Find people", "Search conversations", "Details", "Message", "Rename", "Change Bob Marsh", "Leave group"]) assert.ok(reached.has(name), `${name} is reached: ${[...reached].join(", ")}`);
});

test("a theme is chosen, and kept", async () => {
  const browser = await scene.browser("bob", { isDark: true });
  const ground = () => browser.run(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await browser.goto("#/settings");
  await browser.click(".segment", "Light");
  await until("it is light", async () => (await ground()) !== dark);
  const light = await ground();
  await browser.reload();
  await browser.see("settings-page");
  assert.equal(await ground(), light);
  await browser.click(".segment", "System");
  await until("it is dark", async () => (await ground()) === dark);
});

test("motion is left out for those who ask for it", async () => {
  const browser = await scene.browser("cleo");
  await browser.cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }] });
  const longest = await browser.run(() => Math.max(...[...document.querySelectorAll("*")].map((element) => Number.parseFloat(getComputedStyle(element).transitionDuration))));
  assert.ok(longest < 0.001);
});
