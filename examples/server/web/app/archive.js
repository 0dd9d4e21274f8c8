// What is known of conversations, kept in the browser's database (IndexedDB) for reading without a connection. The rule: it
// holds what one person knows, and nothing once nobody is logged in; where the browser keeps nothing, the page works without.

/** @import { Archive } from "../client/types.js" */

const NAME = "chat";
/** Grows when what is kept takes another form; what is there is then forgotten. */
const FORM = 1;
const STORES = ["head", "conversations"];

/** @type {Promise<IDBDatabase> | undefined} */
let opened;

/** @type {Archive} */
export const archive = {
  load,

  async save(owner, { epoch, conversations, gone, people }) {
    await change((head, kept) => {
      head.put({ owner, epoch }, "about");
      if (people) head.put(people, "people");
      for (const conversation of conversations) kept.put({ ...conversation, epoch }, conversation.id);
      for (const id of gone) kept.delete(id);
    });
  },

  async clear() {
    await change((head, kept) => {
      head.clear();
      kept.clear();
    });
  },
};

/** @type {Archive["load"]} */
async function load(owner) {
  const [head, kept] = stores(await open(), "readonly");
  const [about, people, conversations] = await Promise.all([answer(head.get("about")), answer(head.get("people")), answer(kept.getAll())]);
  if (about?.owner !== owner) {
    await archive.clear();
    return null;
  }
  // Another tab may have kept what belongs to another history.
  const { epoch } = about;
  return { epoch, people: people ?? [], conversations: conversations.filter((/** @type {any} */ one) => one.epoch === epoch) };
}

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, FORM);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const name of result.objectStoreNames) result.deleteObjectStore(name);
      for (const name of STORES) result.createObjectStore(name);
    };
    request.onsuccess = () => {
      // A newer page in another tab, which keeps things in another form, does not wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** @param {IDBDatabase} database @param {IDBTransactionMode} mode */
function stores(database, mode) {
  const transaction = database.transaction(STORES, mode);
  return /** @type {const} */ ([transaction.objectStore("head"), transaction.objectStore("conversations")]);
}

/** Makes a change as a whole. @param {(head: IDBObjectStore, kept: IDBObjectStore) => void} work */
async function change(work) {
  const [head, kept] = stores(await open(), "readwrite");
  work(head, kept);
  await new Promise((resolve, reject) => {
    head.transaction.oncomplete = () => resolve(undefined);
    head.transaction.onerror = head.transaction.onabort = () => reject(head.transaction.error);
  });
}

/** @param {IDBRequest} request @returns {Promise<any>} */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
