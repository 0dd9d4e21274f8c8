// Groups: creating, discovering, joining, managing, leaving, deleting.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Scene, says, write } from "./support/scene.js";
import { until } from "./support/patience.js";

/** @type {Scene} */
let scene;
before(async () => (scene = await Scene.open()));
after(() => scene.close());

test("whoever is new is invited to create a group, and chooses who is in it", async () => {
  const bob = await scene.person("bob", "Bob Marsh");
  await scene.person("cleo", "Cleo Dubois");
  const ann = await scene.newcomer("ann", "Ann Lee");
  await ann.click(".choice", "Create a group");
  await ann.type("input[name=name]", "Tea on Fridays");
  await ann.type(".picker input[type=search]", "marsh");
  await ann.miss(".picker .person", "Cleo");
  await ann.click(".picker .person", "Bob Marsh");
  await ann.see(".chip", "Bob Marsh");
  await ann.click("button", "Create group");
  await ann.see(".subtitle", "Group, 2 members");
  const id = await until("bob has it", () => [...bob.known.conversations.keys()][0], bob);
  await says(bob, id, "lovely");
  await ann.see(".author", "Bob Marsh");
  await write(ann, "welcome");
  await until("bob hears", () => bob.conversation(id)?.last_message?.content === "welcome", bob);
});

test("a public group is discovered, joined, managed, and left", async () => {
  const [dan, eve] = [await scene.person("dan", "Dan Levi"), await scene.person("eve", "Eve Stone")];
  const id = await dan.createGroup("Gardeners", ["eve"], "public");
  await dan.createGroup("Hidden", [], "private");
  await says(dan, id, "roses");
  const fay = await scene.newcomer("fay", "Fay Ash");
  await fay.click(".choice", "Discover groups");
  await fay.see("groups-page .person", "Gardeners");
  assert.equal(await fay.sees("groups-page .person", "Hidden"), false);
  await fay.click("button[aria-label='Join Gardeners']");
  await fay.see(".message .content", "roses");
  await fay.miss(".conversation .badge");

  // A member may bring others in, and no more.
  await fay.click("a[aria-label=Details]");
  await fay.see(".members .person", "Dan Levi");
  for (const label of ["Rename", "Delete group", "Make private"]) assert.equal(await fay.sees(".action", label), false);
  await scene.person("gus", "Gus Hale");
  await fay.click(".action", "Add people");
  await fay.type(".picker input[type=search]", "gus");
  await fay.click(".picker .person", "Gus Hale");
  await fay.click(".actions button", "Add");
  await fay.see(".members .person", "Gus Hale");

  // An admin may do more.
  await dan.request("PUT", `groups/${id}/members/${await idOf(dan, "fay")}`, { role: "admin" });
  await fay.see(".members .person", "@fay · admin");
  await fay.click(".action", "Rename");
  await fay.type("dialog input", "Gardeners & friends");
  await fay.click("dialog button", "Rename");
  await fay.see(".view-head h1", "Gardeners & friends");
  await until("dan hears", () => dan.conversation(id)?.name === "Gardeners & friends", dan);
  await fay.click(".action", "Make private");
  await fay.see(".subtitle", "Group, 4 members");
  await choose(fay, "Gus Hale", "Remove");
  await fay.click("dialog button", "Remove");
  await fay.miss(".members .person", "Gus Hale");
  await choose(fay, "Eve Stone", "Make an admin");
  await fay.see(".members .person", "@eve · admin");
  await until("eve hears", () => eve.conversation(id)?.members === null || eve.conversation(id)?.role === "admin", eve);

  await fay.click(".action", "Leave group");
  await fay.click("dialog button", "Leave");
  await fay.miss(".conversation", "Gardeners");
  assert.deepEqual(await fay.errors(), []);
});

test("an owner hands a group over, another deletes theirs, and it is gone for all who look at it", async () => {
  const hal = await scene.person("hal", "Hal Reed");
  const ida = await scene.newcomer("ida", "Ida Moss");
  const joy = await scene.newcomer("joy", "Joy Park");
  const id = await hal.createGroup("Club", ["ida", "joy"], "private");
  await hal.request("PUT", `groups/${id}/members/${await idOf(hal, "ida")}`, { role: "owner" });
  await ida.goto(`#/c/${id}/info`);
  await ida.see(".members .person", "@ida · owner");
  await choose(ida, "Hal Reed", "Hand the group over");
  await ida.click("dialog button", "Hand over");
  await ida.see(".members .person", "@hal · owner");
  await hal.request("PUT", `groups/${id}/members/${await idOf(hal, "ida")}`, { role: "owner" });
  await joy.goto(`#/c/${id}`);
  await joy.see(".subtitle", "3 members");
  await ida.click(".action", "Delete group");
  await ida.click("dialog button", "Delete");
  await joy.see(".welcome", "Not here");
  await joy.miss(".conversation", "Club");
});

/** @param {import("../../examples/server/web/client/client.js").ChatClient} client @param {string} username */
const idOf = async (client, username) => (await client.request("GET", `users/user_id/${username}`)).user_id;

/** @param {import("./support/browser.js").Browser} browser @param {string} name @param {string} label */
async function choose(browser, name, label) {
  const menu = `select[aria-label="Change ${name}"]`;
  await browser.see(menu);
  await browser.run(
    (menu, label) => {
      const select = /** @type {HTMLSelectElement} */ (document.querySelector(menu));
      select.value = [...select.options].find(({ text }) => text === label)?.value ?? "";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
    menu,
    label,
  );
}
