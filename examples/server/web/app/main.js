// Where the page begins. Each element is a file in `elements/`; what they share is in `app/`; all that is chat is the client
// library in `client/`, which knows nothing of the page.

import "../elements/chat-app.js";
import { client } from "./context.js";
import { Login } from "../client/login.js";
import { keepFiles } from "./offline.js";
import { startShortcuts } from "./shortcuts.js";
import { watch } from "./notifications.js";

client.start();
watch();
startShortcuts();
keepFiles();

// The network is back, or someone looks: no reason to wait any longer.
addEventListener("online", () => client.socket.nudge());
addEventListener("offline", () => client.socket.nudge());
document.addEventListener("visibilitychange", () => document.hidden || client.socket.nudge());
// Nobody knows whether a page that is left will be seen again.
addEventListener("pagehide", () => void client.keeper.keep());

// Another tab has logged in or out.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== Login.key) return;
  const isSame = newValue !== null && JSON.parse(newValue).user.id === client.me?.id;
  if (!isSame) location.reload();
});

document.querySelector("[data-skip]")?.addEventListener("click", (event) => {
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.querySelector("#main"))?.focus();
});
