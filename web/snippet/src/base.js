// What every part stands on: the settings in force, ids, what is kept in the browser, and who listens.

/** Settings of `sevenfold.load(key, settings)`, over these. Times in ms. */
export const settings = {
  key: "",
  host: "",
  /** "opt-in": nothing is stored or sent before `sevenfold.consent(...)` allows it. */
  consent: "",
  /** Whether a browser that sends Global Privacy Control is asked first, as if `consent` were "opt-in". */
  gpc: true,
  /** Whether a new address without a new document is a page view. */
  routes: true,
  /** Whether messages are shown at all. */
  inapp: true,
  /** Between two messages that interrupt, and how many of them one visit may have. */
  gap: 30000,
  perSession: 5,
  flushAt: 20,
  flushAfter: 2000,
  session: 30 * 60000,
  cookieDomain: "",
  pushWorker: "/sevenfold-push.js",
  labels: {},
};

export const now = () => Date.now();

/** 32 hexadecimal digits of chance. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join("");

export const on = (target, names, heard, options) =>
  names.split(" ").forEach((name) => target.addEventListener(name, heard, options));

const PREFIX = "sevenfold.";
/** What would be kept, until keeping is allowed. */
let memory = {};
let keeping = false;

/** A value kept under a name, or undefined. */
export function recall(name) {
  if (!keeping) return memory[name];
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? undefined;
  } catch {
    return memory[name];
  }
}

/** Keeps a value; undefined forgets it. Without room or permission it lasts as long as the page. */
export function keep(name, value) {
  memory[name] = value;
  if (!keeping) return;
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: memory has it.
  }
}

/** The names under which something is kept that begin with `start`. */
export function keptNames(start) {
  try {
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX + start))
      .map((name) => name.slice(PREFIX.length));
  } catch {
    return [];
  }
}

/** From now on the browser's storage is used; what it holds already goes before what was in memory. */
export function allowKeeping() {
  keeping = true;
  const early = memory;
  for (const name in early) if (recall(name) === undefined) keep(name, early[name]);
}

/** Forgets everything, in storage too. */
export function forgetAll() {
  keptNames("").forEach((name) => localStorage.removeItem(PREFIX + name));
  memory = {};
  keeping = false;
}

const listeners = {};

/** `sevenfold.on(name, listener)`. */
export function listen(name, listener) {
  (listeners[name] ||= []).push(listener);
}

/** Tells listeners; false when one of them said false. */
export const tell = (name, ...about) =>
  !(listeners[name] || []).map((listener) => listener(...about)).includes(false);

/** POST of JSON as plain text: a simple request, which no browser asks permission for first. */
export function post(path, content) {
  const body = new Blob([JSON.stringify(content)], { type: "text/plain" });
  // Of a page that is left behind browsers send 64 KiB; what is larger goes while the page is there.
  return fetch(settings.host + path, { method: "POST", body, credentials: "omit", keepalive: body.size < 60000 });
}
