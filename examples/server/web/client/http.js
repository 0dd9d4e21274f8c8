// Requests to the HTTP API. The rule: a request ends in what the server answered, in a `Refusal` with the server's own code
// and sentence, or in `Unreachable`; nothing else is thrown.

/** The server said no. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} code stable, see "Errors" in docs/API.md
   * @param {string} sentence for people
   * @param {string | null} [field] the field that is wrong
   * @param {number | null} [retryAfter] seconds
   */
  constructor(status, code, sentence, field = null, retryAfter = null) {
    super(sentence);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
    this.name = "Unreachable";
  }
}

/**
 * @param {string} base the address of the server, with a slash at the end
 * @param {string} method
 * @param {string} path without a slash in front
 * @param {{ body?: object, token?: string | null, signal?: AbortSignal }} [options]
 * @returns {Promise<any>} the JSON of the answer, `null` if it has none
 */
export async function request(base, method, path, { body, token, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  let response;
  let text;
  try {
    // The token shows who asks; a cookie would only be a second, older answer to that.
    const init = { method, headers, body: body && JSON.stringify(body), signal, credentials: /** @type {const} */ ("omit") };
    response = await fetch(new URL(path, base), init);
    text = await response.text();
  } catch {
    throw new Unreachable();
  }
  const answer = parsed(text);
  if (response.ok) return answer;
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  const sentence = answer?.detail ?? `The server answered ${response.status}.`;
  throw new Refusal(response.status, answer?.code ?? "unknown", sentence, answer?.errors?.[0]?.field ?? null, retryAfter);
}

/**
 * Whether the server knows a method on a path.
 * @param {string} base
 * @param {string} method
 * @param {string} path
 */
export async function offers(base, method, path) {
  try {
    const response = await fetch(new URL(path, base), { method: "OPTIONS", credentials: "omit" });
    return (response.headers.get("allow") ?? "").split(/,\s*/).includes(method);
  } catch {
    return false;
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
