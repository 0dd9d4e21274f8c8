// Runs before the first paint, which must have the chosen colours and must not show a list to a stranger.
(() => {
  const root = document.documentElement;
  try {
    root.dataset.theme = JSON.parse(localStorage.getItem("chat-preferences") ?? "{}").theme ?? "system";
    root.dataset.login = localStorage.getItem("chat-login") ? "kept" : "none";
  } catch {
    root.dataset.theme = "system";
  }
})();
