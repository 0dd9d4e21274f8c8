// Waiting. The rule: for what is expected, never for time to pass.

/** How long anything a test waits for may take. */
export const PATIENCE = Number(process.env.WEB_PATIENCE ?? 60_000);

/**
 * Waits until something is so, looking each time something may have changed.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} look something that is not falsy once it is so
 * @param {EventTarget} [target] tells of changes by `change` and `state`; otherwise it is looked often
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, look, target) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    if (seen) return /** @type {NonNullable<T>} */ (seen);
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await next(target);
  }
}

/** @param {EventTarget | undefined} target */
function next(target) {
  return new Promise((resolve) => {
    const again = () => {
      clearTimeout(timer);
      target?.removeEventListener("change", again);
      target?.removeEventListener("state", again);
      resolve(undefined);
    };
    const timer = setTimeout(again, 25);
    target?.addEventListener("change", again);
    target?.addEventListener("state", again);
  });
}
