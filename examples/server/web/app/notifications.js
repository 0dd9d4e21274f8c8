// What one learns while not looking: the number of unread messages in the title, and the desktop's notifications. The rule:
// several tabs tell of a message once, because the notification is named after it.

import { client, onDraw } from "./context.js";
import { go } from "./router.js";
import { preferences, prefer } from "./preferences.js";
import { oneLine } from "./text.js";
import { titleOf } from "./names.js";

/** @import { Message } from "../client/types.js" */

const LENGTH_MAX = 140;

export function watch() {
  onDraw(() => {
    const unread = [...client.known.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
    const title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) Chat` : "Chat";
    if (document.title !== title) document.title = title;
  });
  client.addEventListener("message", (event) => tell(/** @type {CustomEvent<Message>} */ (event).detail));
}

/** Asks the browser for leave, then turns notifications on. @returns {Promise<boolean>} whether it was given */
export async function turnOn() {
  const isAllowed = "Notification" in globalThis && (await Notification.requestPermission()) === "granted";
  prefer({ notifies: isAllowed });
  return isAllowed;
}

/** @param {Message} message */
function tell(message) {
  const conversation = client.conversation(message.conversation_id);
  if (!document.hidden || !conversation || !preferences().notifies || Notification.permission !== "granted") return;
  const sender = client.people.nameOf(message.sender_username);
  const title = conversation.kind === "group" ? `${sender} in ${titleOf(conversation)}` : sender;
  const notification = new Notification(title, { body: oneLine(message.content).slice(0, LENGTH_MAX), tag: `chat-${message.id}` });
  notification.onclick = () => {
    focus();
    go(`c/${conversation.id}`);
    notification.close();
  };
}
