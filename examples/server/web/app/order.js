// The order of conversations in lists: what was last talked about comes first.

import { client } from "./context.js";

export function byActivity() {
  const conversations = [...client.known.conversations.values()];
  return conversations.sort((one, other) => other.activity - one.activity || other.id - one.id);
}
