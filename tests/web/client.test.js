// The client library alone, against the real server: what it promises to a page. The law of the reducer: whatever happened
// to the connection, what a client knows in the end is what the server tells someone who asks for everything.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ChatClient, Refusal } from "../../examples/server/web/client/client.js";
import { EventSocket, adviceAfter, waitAfter } from "../../examples/server/web/client/socket.js";
import { Server } from "./support/server.js";
import { until } from "./support/patience.js";

/** @import { Archive, Store } from "../../examples/server/web/client/types.js" */

const PASSWORD = "correct horse";
/** What a list shows of a message. */
const PREVIEW = 256;

/** @type {Server} */
let server;
/** @type {ChatClient[]} */
const clients = [];
let people = 0;

before(async () => {
  server = await Server.start();
});

after(async () => {
  for (const client of clients) client.stop();
  await server.stop();
});

/** @param {Store} [store] @param {Archive} [archive] */
function newClient(store, archive) {
  const client = new ChatClient({ base: server.base, store, archive });
  clients.push(client);
  return client;
}

/** Someone new, who is online. @param {string} name */
async function person(name) {
  people += 1;
  const client = newClient();
  const username = `${name}${people}`;
  await client.register({ username, password: PASSWORD });
  await client.logIn(username, PASSWORD);
  await online(client);
  return client;
}

/** @param {ChatClient} client */
const online = (client) => until("online", () => client.state === "online", client).catch((error) => {
  throw new Error(`${error.message}; ${client.state}, ${client.socket}, ${JSON.stringify(client.counts)}`);
});

/** @param {ChatClient} client */
const nameOf = (client) => client.me?.username ?? "";

/** @param {ChatClient} client */
const idOf = (client) => client.me?.id ?? 0;

/** @param {ChatClient} client @param {number} id */
const words = (client, id) => client.conversation(id)?.messages.map(({ content }) => content);

/** All of it. @param {ChatClient} client */
async function loadAll(client) {
  for (const { id } of [...client.known.conversations.values()]) {
    await client.open(id);
    while (client.conversation(id)?.hasOlder) await client.loadOlder(id);
  }
}

/** What a client knows, in a form that can be compared. @param {ChatClient} client */
function told(client) {
  const conversations = [...client.known.conversations.values()].sort((one, other) => one.id - other.id);
  return conversations.map((conversation) => ({
    id: conversation.id,
    kind: conversation.kind,
    name: conversation.name,
    visibility: conversation.visibility,
    member_count: conversation.member_count,
    members: [...(conversation.members?.values() ?? [])].map(({ id, username, role }) => `${id} ${username} ${role}`).sort(),
    last_seq: conversation.last_seq,
    read_up_to: conversation.read_up_to,
    unread: conversation.unread,
    counted: conversation.countUnread(),
    last_message: preview(conversation.last_message),
    messages: conversation.messages,
  }));
}

/** @param {import("../../examples/server/web/client/types.js").Message | null} message */
function preview(message) {
  return message && { ...message, content: [...message.content].slice(0, PREVIEW).join("") };
}

/** Someone else with the same login, who asks for everything. @param {ChatClient} client */
async function fresh(client) {
  const other = newClient(client.store);
  other.start();
  await online(other);
  await loadAll(other);
  const snapshot = told(other);
  other.stop();
  return snapshot;
}

/** @returns {Archive} that lives as long as the test */
function memoryArchive() {
  /** @type {{ owner: string, epoch: string, people: any[], conversations: Map<number, any> } | null} */
  let kept = null;
  return {
    load: async (owner) => (kept?.owner === owner ? structuredClone({ ...kept, conversations: [...kept.conversations.values()] }) : null),
    save: async (owner, { epoch, conversations, gone, people }) => {
      kept ??= { owner, epoch, people: [], conversations: new Map() };
      Object.assign(kept, { owner, epoch, people: people ?? kept.people });
      for (const conversation of conversations) kept.conversations.set(conversation.id, structuredClone(conversation));
      for (const id of gone) kept.conversations.delete(id);
    },
    clear: async () => void (kept = null),
  };
}

/** Checks the law. @param {ChatClient} client */
async function agrees(client) {
  await online(client);
  const expected = await fresh(client);
  await loadAll(client);
  const seqs = () => told(client).map(({ id, last_seq, unread }) => `${id} ${last_seq} ${unread}`).join();
  const wanted = expected.map(({ id, last_seq, unread }) => `${id} ${last_seq} ${unread}`).join();
  await until("everything is heard", () => seqs() === wanted, client).catch(() => {});
  await loadAll(client);
  assert.deepEqual(told(client), expected);
  for (const { unread, counted } of told(client)) assert.equal(unread, counted);
}

describe("sending", () => {
  test("a message reaches everyone once, and its author by its nonce", async () => {
    const [ann, bob] = [await person("ann"), await person("bob")];
    const id = await ann.direct(idOf(bob));
    await until("bob has it", () => bob.conversation(id), bob);
    await Promise.all([ann.open(id), bob.open(id)]);
    const { nonce } = ann.send(id, "Tea at five?");
    assert.equal(ann.outbox.of(id).length, 1);
    await until("it is stored", () => !ann.outbox.find(nonce), ann);
    await until("bob reads it", () => words(bob, id)?.length, bob);
    assert.deepEqual(words(bob, id), ["Tea at five?"]);
    assert.equal(bob.conversation(id)?.unread, 1);
    assert.equal(ann.conversation(id)?.unread, 0);
    await Promise.all([agrees(ann), agrees(bob)]);
  });

  test("what is written while the server is away goes out once when it is back", async () => {
    const [ann, bob] = [await person("ann"), await person("bob")];
    const id = await ann.direct(idOf(bob));
    await ann.open(id);
    await server.kill();
    await until("ann notices", () => ann.state === "offline", ann);
    for (const word of ["one", "two", "three"]) ann.send(id, word);
    await server.run();
    for (const client of [ann, bob]) client.socket.nudge();
    await until("all are stored", () => ann.outbox.of(id).length === 0, ann);
    assert.deepEqual(words(ann, id), ["one", "two", "three"]);
    await Promise.all([agrees(ann), agrees(bob)]);
  });

  test("what waits survives the page", async () => {
    const ann = await person("ann");
    const id = await ann.createGroup("notes", [], "private");
    ann.stop();
    ann.outbox.add(id, "kept", null);
    const again = newClient(ann.store);
    again.start();
    await until("it is stored", () => again.outbox.of(id).length === 0, again);
    await again.open(id);
    assert.deepEqual(words(again, id), ["kept"]);
  });

  test("what is refused waits for its author, with the reason", async () => {
    const ann = await person("ann");
    const { nonce } = ann.send(999_999, "to nobody");
    const refused = await until("it is refused", () => ann.outbox.find(nonce)?.refusal, ann);
    assert.match(refused, /conversation/);
    ann.discard(nonce);
    assert.equal(ann.outbox.of(999_999).length, 0);
  });

  test("a message too long for a frame takes the other way", async () => {
    const ann = await person("ann");
    const id = await ann.createGroup("long", [], "private");
    await ann.open(id);
    const content = "\u0001".repeat(16 * 1024);
    const { nonce } = ann.send(id, content);
    await until("it is stored", () => !ann.outbox.find(nonce), ann);
    await until("it is heard", () => words(ann, id)?.[0] === content, ann);
  });
});

describe("a server with limits", () => {
  /** @type {Server} */
  let limited;
  before(async () => (limited = await Server.start(["--rate-limits", "on"])));
  after(() => limited.stop());

  test("what comes too fast waits, and goes out once", async () => {
    const ann = new ChatClient({ base: limited.base });
    clients.push(ann);
    await ann.register({ username: "ann", password: PASSWORD });
    await ann.logIn("ann", PASSWORD);
    await online(ann);
    const id = await ann.createGroup("fast", [], "private");
    await ann.open(id);
    /** @type {string[]} */
    const said = [];
    // Until the server has had enough, however fast it is.
    while (ann.counts.rests === 0) {
      for (let count = 0; count < 10; count += 1) {
        said.push(`message ${said.length}`);
        ann.send(id, said.at(-1) ?? "");
      }
      await until("few wait", () => ann.counts.rests > 0 || ann.outbox.of(id).length < 20, ann);
    }
    assert.ok(ann.outbox.of(id).every(({ refusal }) => refusal === null));
    await until("all are stored", () => ann.outbox.of(id).length === 0, ann);
    assert.deepEqual(words(ann, id)?.slice().sort(), said.slice().sort());
  });
});

describe("logging in", () => {
  test("a login is kept, and ends everywhere when it is revoked", async () => {
    const ann = await person("ann");
    const other = newClient(ann.store);
    assert.equal(other.start(), true);
    await online(other);
    let hasEnded = false;
    other.addEventListener("ended", () => (hasEnded = true));
    await ann.logOut();
    await until("the other has ended", () => hasEnded);
    assert.equal(newClient(ann.store).start(), false);
  });

  test("whoever is logged out while catching up is online again after the next login", async () => {
    const ann = await person("ann");
    const { host } = ann.socket;
    const { opened } = host;
    const stopped = new Promise((resolve) => {
      host.opened = () => {
        host.opened = opened;
        opened();
        ann.stop();
        resolve(undefined);
      };
    });
    ann.socket.restart();
    await stopped;
    ann.start();
    await online(ann);
  });

  test("an old token is replaced by one tab for all", async () => {
    const ann = await person("ann");
    const kept = ann.login.kept;
    assert.ok(kept);
    ann.store.setItem("chat-login", JSON.stringify({ ...kept, expires_at: 0 }));
    const tokens = await Promise.all([ann.login.token(), ann.login.token(), ann.login.token()]);
    assert.equal(new Set(tokens).size, 1);
    await ann.request("GET", "users/me");
  });

  test("wrong credentials are refused with the server's sentence", async () => {
    const ann = newClient();
    await assert.rejects(ann.logIn("nobody", "nothing"), (error) => error instanceof Refusal && error.status === 401);
  });

  test("a socket that was closed for its login is not tried again with it", () => {
    assert.equal(adviceAfter(4401), "refresh");
    for (const code of [1001, 1006, 1009, 4408]) assert.equal(adviceAfter(code), "retry");
    assert.equal(adviceAfter(4429), "rest");
  });

  test("a socket that was closed for asking too much is tried again after the longest wait", async () => {
    class Closing {
      readyState = 3;
      onclose = (/** @type {{ code: number }} */ _) => {};
      constructor() {
        queueMicrotask(() => this.onclose({ code: 4429 }));
      }
      close() {}
    }
    const host = { WebSocket: /** @type {any} */ (Closing), address: async () => "ws://127.0.0.1", opened() {}, heard() {}, lost: async () => {} };
    const socket = new EventSocket(host);
    socket.start();
    await until("it waits", () => `${socket}` === "closed after 7 failures");
    socket.stop();
    assert.equal(waitAfter(6, 1), 30_000);
  });

  test("waits grow, differ, and have an end", () => {
    assert.ok(waitAfter(0, 1) <= 500 && waitAfter(3, 1) > waitAfter(2, 1));
    assert.ok(waitAfter(50, 1) <= 30_000);
    assert.notEqual(waitAfter(4, 0.1), waitAfter(4, 0.9));
  });
});

describe("the law of the reducer", () => {
  test("history that is loaded while it changes ends as it is", async () => {
    const [ann, bob] = [await person("ann"), await person("bob")];
    const id = await ann.createGroup("long", [nameOf(bob)], "private");
    for (let sent = 0; sent < 230; sent += 1) ann.send(id, `message ${sent}`);
    await until("all are stored", () => ann.outbox.of(id).length === 0, ann);
    await until("bob knows", () => bob.conversation(id)?.last_seq === 230, bob);
    await ann.open(id);
    const late = newClient(bob.store);
    late.start();
    await online(late);
    await late.open(id);
    const oldest = ann.conversation(id)?.messages[0];
    const changes = [ann.edit(oldest?.id ?? 0, "changed"), ann.delete((oldest?.id ?? 0) + 1), late.loadOlder(id)];
    await Promise.all(changes);
    await Promise.all([agrees(late), agrees(bob), agrees(ann)]);
  });

  test("whatever is done, and however often the connection breaks, all agree with the server", async () => {
    const crowd = [await person("ann"), await person("bob"), await person("cleo"), await person("dan")];
    const random = generator(Number(process.env.WEB_SEED ?? 20261120));
    const pick = (/** @type {any[]} */ list) => list[Math.floor(random() * list.length)];
    const groups = [await crowd[0]?.createGroup("first", crowd.slice(1).map(nameOf), "public")];
    const direct = await crowd[0]?.direct(idOf(/** @type {ChatClient} */ (crowd[1])));
    for (let step = 0; step < 400; step += 1) {
      const client = /** @type {ChatClient} */ (pick(crowd));
      const id = pick([...client.known.conversations.keys(), ...groups, direct]);
      const conversation = client.conversation(id);
      const message = conversation && pick(conversation.messages);
      /** @type {Record<string, () => unknown>} */
      const deeds = {
        send: () => conversation && client.send(id, `${nameOf(client)} ${step}`, message?.id ?? null),
        sendMore: () => conversation && client.send(id, `${nameOf(client)} ${step}`),
        open: () => client.open(id),
        older: () => client.loadOlder(id),
        edit: () => message && client.edit(message.id, `edited ${step}`),
        delete: () => message && client.delete(message.id),
        read: () => message && client.markRead(id, message.id),
        rename: () => client.request("PATCH", `groups/${id}`, { name: `name ${step}` }),
        join: () => client.request("POST", `groups/${id}/join`),
        leave: () => client.request("POST", `groups/${id}/leave`),
        add: () => client.request("PUT", `groups/${id}/members/${idOf(pick(crowd))}`),
        promote: () => client.request("PUT", `groups/${id}/members/${idOf(pick(crowd))}`, { role: pick(["admin", "member"]) }),
        remove: () => client.request("DELETE", `groups/${id}/members/${idOf(pick(crowd))}`),
        create: async () => groups.push(await client.createGroup(`group ${step}`, [nameOf(pick(crowd.filter((other) => other !== client)))], "public")),
        vanish: () => client.socket.restart(),
      };
      const deed = /** @type {() => unknown} */ (deeds[pick(Object.keys(deeds))]);
      // What is not allowed is refused, and that is well.
      const done = Promise.resolve(deed()).catch((error) => assert.ok(error instanceof Refusal || error.name === "Unreachable", error));
      if (random() < 0.5) await done;
      if (step % 150 === 100) {
        await server.kill();
        await server.run();
      }
    }
    for (const client of crowd) client.socket.nudge();
    for (const client of crowd) {
      await online(client);
      await until("what can be sent is", () => [...client.known.conversations.keys()].every((id) => client.outbox.of(id).every(({ refusal }) => refusal)), client);
    }
    for (const client of crowd) await agrees(client);
  });

  test("whoever begins with what was kept ends as everyone else, and it can be read before that", async () => {
    const [ann, bob] = [await person("ann"), await person("bob")];
    const archive = memoryArchive();
    const first = newClient(bob.store, archive);
    first.start();
    await online(first);
    const [id, other] = [await ann.createGroup("kept", [nameOf(bob)], "private"), await ann.createGroup("left", [nameOf(bob)], "private")];
    for (let count = 0; count < 30; count += 1) ann.send(id, `before ${count}`);
    await until("all is heard", () => first.conversation(id)?.last_seq === 30 && first.conversation(other), first);
    await first.open(id);
    await first.keeper.keep();
    first.stop();
    await ann.delete(first.conversation(id)?.messages[0]?.id ?? 0);
    await ann.request("DELETE", `groups/${other}`);
    await ann.createGroup("new", [nameOf(bob)], "private");
    ann.send(id, "meanwhile");
    await until("it is stored", () => ann.outbox.of(id).length === 0, ann);

    const again = newClient(bob.store, archive);
    again.start();
    await until("it is read", () => again.conversation(id)?.messages.length === 30, again);
    assert.equal(again.people.nameOf(nameOf(ann)), nameOf(ann));
    await agrees(again);
    // It has resumed: nothing but the new group was fetched anew.
    assert.ok(again.counts.resumes > 0);
    assert.equal(again.counts.resets, 1);
    assert.equal(words(again, id)?.at(-1), "meanwhile");

    // A server that has forgotten everything has another history; nothing of this one is shown.
    await again.keeper.keep();
    again.stop();
    const foreign = newClient(bob.store, { ...archive, load: async (owner) => ({ .../** @type {any} */ (await archive.load(owner)), epoch: "another" }) });
    foreign.start();
    await agrees(foreign);
    await again.logOut();
    assert.equal(await archive.load(String(idOf(bob))), null);
  });

  test("someone who deletes their account leaves the same to all", async () => {
    const [ann, bob, cleo] = [await person("ann"), await person("bob"), await person("cleo")];
    const group = await ann.createGroup("three", [nameOf(bob), nameOf(cleo)], "private");
    const direct = await bob.direct(idOf(ann));
    for (const id of [group, direct]) bob.send(id, "words that go");
    await until("all is sent", () => bob.outbox.of(group).length + bob.outbox.of(direct).length === 0, bob);
    await ann.open(group);
    await bob.request("DELETE", "users/me");
    await until("ann hears", () => ann.conversation(direct)?.last_message?.deleted, ann);
    await Promise.all([agrees(ann), agrees(cleo)]);
  });
});

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). @param {number} seed */
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
