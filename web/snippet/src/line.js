// The line to the server on which messages come: one tab of the browser holds it and passes on what it hears.
// Where no stream can be held, asking every half minute stands in.
import { listen, on, post, recall, settings, tell } from "./base.js";
import { granted } from "./consent.js";
import { anonymousId, userId } from "./events.js";
import { flush } from "./queue.js";

const POLL_MS = 30000;
const RETRY_MS_MAX = 120000;

let token = "";
let last = 0;
let stream;
let poll;
let failures = 0;
let letGo;
let turn = 0;
const channel = typeof BroadcastChannel == "function" ? new BroadcastChannel("sevenfold") : undefined;

/** What the server said of the line: `{token, push_key}`. */
export let welcome = {};

/** Tells the other tabs, and not this one. */
export const tellTabs = (name, about) => channel?.postMessage([settings.key, anonymousId(), name, about]);

async function start() {
  const body = {
    writeKey: settings.key,
    anonymousId: anonymousId(),
    userId: userId(),
    proof: recall("proof"),
  };
  const response = await post("/v1/inapp/start", body);
  if (!response.ok) throw response.status;
  welcome = await response.json();
  token = welcome.token;
  heard(welcome.leases);
}

function heard(state) {
  last = Math.max(last, state.last);
  tell("leases", state);
}

/** Begins, or begins again as somebody else. Nobody is known before their events have arrived. */
export async function connect() {
  const mine = ++turn;
  disconnect();
  if (!granted() || !settings.inapp) return;
  last = 0;
  try {
    if (!(await flush())) throw 0;
    if (mine !== turn) return;
    await start();
    if (mine === turn) lead();
  } catch (status) {
    // A key that is refused stays refused until the page is loaded again.
    if (mine === turn && !(status >= 400 && status < 429)) again(connect);
    else if (status === 403) console.warn("sevenfold: messages need a proof of who is logged in");
  }
}

function again(attempt) {
  clearTimeout(poll);
  poll = setTimeout(attempt, Math.min(1000 * 2 ** failures++, RETRY_MS_MAX));
}

/** Waits until no other tab holds the line, then holds it. */
function lead() {
  if (!navigator.locks) return open();
  const mine = turn;
  navigator.locks.request("sevenfold." + settings.key, () => {
    if (mine !== turn) return undefined;
    open();
    return new Promise((release) => (letGo = release));
  });
}

function open() {
  if (typeof EventSource != "function") return ask();
  const query = "?token=" + encodeURIComponent(token) + "&after=" + last;
  stream = new EventSource(settings.host + "/v1/inapp/stream" + query);
  on(stream, "leases", (message) => {
    failures = 0;
    const state = JSON.parse(message.data);
    heard(state);
    tellTabs("leases", state);
  });
  stream.onerror = () => {
    // It comes back by itself, unless the server refused: its word has run out, or it has no room.
    if (stream?.readyState !== 2) return;
    stream = undefined;
    again(async () => {
      try {
        await start();
        failures > 2 ? ask() : open();
      } catch {
        again(connect);
      }
    });
  };
}

async function ask() {
  clearTimeout(poll);
  try {
    const response = await fetch(
      `${settings.host}/v1/inapp/poll?token=${encodeURIComponent(token)}&after=${last}`,
      { credentials: "omit" }
    );
    if (response.status === 401) return start().then(ask);
    if (response.ok) {
      const state = await response.json();
      heard(state);
      tellTabs("leases", state);
    }
  } catch {
    // No network: the next time is soon enough.
  }
  poll = setTimeout(ask, POLL_MS);
}

/** Lets go of the line; another tab takes it. */
export function disconnect() {
  clearTimeout(poll);
  stream?.close();
  stream = undefined;
  letGo?.();
  letGo = undefined;
}

/** Something that the server does for a message; its answer, or undefined. */
export async function request(path, body) {
  for (const again of [true, false]) {
    try {
      const response = await post("/v1/inapp/" + path, { token, ...body });
      if (response.status !== 401 || !again) return await response.json();
      await start();
    } catch {
      return undefined;
    }
  }
}

/** Begins to listen to the other tabs, and to the page coming and going. */
export function startLine() {
  if (channel)
    channel.onmessage = ({ data: [key, visitor, name, about] }) => {
      if (key === settings.key && visitor === anonymousId()) name === "leases" ? heard(about) : tell(name, about);
    };
  listen("identity", () => {
    tell("leases", { active: [], fresh: [] });
    connect();
  });
  on(window, "pagehide", disconnect);
  on(window, "pageshow", (event) => event.persisted && connect());
}
