// Events on their way: batches, what is offline waits in storage, and each is sent until the server has it.
// An event keeps its messageId, so one that was sent twice is taken once.
import { keep, keptNames, newId, now, on, post, recall, settings } from "./base.js";
import { granted } from "./consent.js";

const EVENTS_MAX = 500;
const EVENT_CHARS_MAX = 32000;
const BATCH_CHARS_MAX = 56000;
const WAIT_MS_MAX = 300000;
/** A queue that nobody has touched for so long belongs to a page that is gone. */
const ORPHAN_MS = 60000;

const mine = "queue." + newId();
let waiting = [];
let underWay = [];
let timer;
let attempt = 0;
let resumeAt = 0;
let told = false;
let running;

const store = (left) =>
  keep(mine, waiting.length ? { t: left ? 0 : now(), events: waiting } : undefined);

/** Takes an event on. */
export function enqueue(event) {
  if (JSON.stringify(event).length > EVENT_CHARS_MAX) {
    console.warn("sevenfold: an event is too large", event.event || event.type);
    return;
  }
  waiting.push(event);
  waiting = waiting.slice(-EVENTS_MAX);
  store();
  if (waiting.length >= settings.flushAt) flush();
  else later(settings.flushAfter);
}

/** Looks again after a while; false, for nothing was sent now. */
function later(delay) {
  clearTimeout(timer);
  // Timers may ring a moment early.
  timer = setTimeout(flush, Math.max(delay, resumeAt - now() + 2));
  return false;
}

function nextBatch() {
  let size = 0;
  return waiting
    .filter((event) => !underWay.includes(event))
    .filter((event) => (size += JSON.stringify(event).length + 1) < BATCH_CHARS_MAX);
}

/** Sends a batch; whether the server has it, or will never want it. */
async function sendBatch(batch) {
  underWay = underWay.concat(batch);
  const body = { writeKey: settings.key, batch, sentAt: new Date().toISOString() };
  let status = 0;
  let asked = 0;
  try {
    const response = await post("/v1/batch", body);
    status = response.status;
    asked = +response.headers.get("Retry-After") || 0;
  } catch {
    // No network: as any other fault that passes.
  }
  underWay = underWay.filter((event) => !batch.includes(event));
  if (!status || status === 408 || status === 429 || status >= 500) {
    const wait = asked ? asked * 1000 : 1000 * 2 ** Math.min(attempt++, 9) * (0.5 + Math.random() / 2);
    resumeAt = now() + Math.min(wait, WAIT_MS_MAX);
    told = asked > 0;
    return later(0);
  }
  if (status >= 400) console.warn("sevenfold: events were refused with " + status);
  attempt = resumeAt = 0;
  waiting = waiting.filter((event) => !batch.includes(event));
  store();
  return true;
}

async function drain() {
  for (let batch; (batch = nextBatch()).length; ) if (!(await sendBatch(batch))) return false;
  return !waiting.length;
}

/** Sends what is waiting. Resolves to whether nothing is left. */
export async function flush() {
  clearTimeout(timer);
  if (!granted()) return false;
  if (now() < resumeAt) return later(0);
  return (running ||= drain().finally(() => (running = undefined)));
}

/** Forgets what is waiting. */
export function dropQueue() {
  waiting = [];
  store();
}

function adopt() {
  for (const name of keptNames("queue.")) {
    const left = name !== mine && recall(name);
    if (left && left.t < now() - ORPHAN_MS) {
      keep(name);
      waiting = left.events.concat(waiting).slice(-EVENTS_MAX);
    }
  }
  store();
  if (waiting.length) later(settings.flushAfter);
}

/** Begins: takes over what earlier pages left, and leaves nothing behind when this one goes. */
export function startQueue() {
  adopt();
  setInterval(adopt, ORPHAN_MS);
  on(window, "online", () => {
    // A server that asked for time gets it; a network that came back is used.
    if (!told) resumeAt = attempt = 0;
    flush();
  });
}

/** The page may never be seen again: everything goes now, and stays stored until it is known to have arrived. */
export function hurry() {
  if (!told) resumeAt = 0;
  const batch = nextBatch();
  if (batch.length && now() >= resumeAt) sendBatch(batch);
  store(true);
}
