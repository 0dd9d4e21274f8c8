// What the web client costs and how it feels, in figures: `make web-figures`. Nothing is judged here; the tests do that.

import { cpus, loadavg } from "node:os";
import { Scene, logIn, says } from "./support/scene.js";
import { findings, frames, shifts, transferred } from "./support/measures.js";
import { until } from "./support/patience.js";

const COUNT = 10_000;

const scene = await Scene.open(["--durability", "normal"]);
try {
  const browser = await scene.driver.open(scene.server.base);
  await browser.see(".start");
  const first = await transferred(browser);
  console.log(`first paint: ${first.bytes.toLocaleString()} bytes in ${first.requests} requests, all from this server: ${first.foreign.length === 0}`);
  console.log(`layout shift at the first paint: ${(await shifts(browser)).toFixed(4)}`);
  console.log(`axe at the login: ${(await findings(browser)).length} serious findings`);

  const ann = await scene.person("ann", "Ann Lee");
  await scene.person("bob", "Bob Marsh");
  const id = await ann.createGroup("Long", ["bob"], "private");
  const texts = ["Yes.", "Tea at five? I found a place with a garden, quiet enough to talk.", "`cups = 4`, see https://example.org/gardens", "שלום", "🎉"];
  for (let count = 1; count <= COUNT; count += 1) ann.send(id, `${count} ${texts[count % texts.length]}`);
  await until("all are sent", () => ann.outbox.of(id).length === 0, ann);
  await logIn(browser, "bob");
  await browser.goto(`#/c/${id}`);
  await browser.see(".message", `${COUNT} `);
  console.log(`axe in a conversation: ${(await findings(browser)).length} serious findings`);
  await says(ann, id, "the end");

  console.log(`the machine: ${cpus().length} processors, a load of ${loadavg()[0]?.toFixed(1)} (this and everything else)`);
  // Once while all is fetched, once with all of it loaded.
  for (const what of ["while they are fetched", "with all of them loaded"]) {
    const up = await frames(browser, -1);
    console.log(`scrolling up through ${COUNT.toLocaleString()} messages ${what}: ${up}`);
    await browser.click(".latest");
    await browser.see(".message", "the end");
  }
} finally {
  await scene.close();
}
