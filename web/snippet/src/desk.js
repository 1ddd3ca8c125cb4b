// Which message is shown when: where it may be, what it waits for, how often, and one at a time.
import { keep, listen, now, on, recall, settings, tell } from "./base.js";
import { track } from "./events.js";
import { request, tellTabs } from "./line.js";
import { attention, session } from "./visit.js";
import { fillSlot, renderers } from "./kinds.js";

/** Kinds that stand in the page and interrupt nobody. */
const QUIET = ["inbox", "slot", "checklist"];
const SEEN_MAX = 200;

/** Messages by id, as the server gave them, with `until` by our clock. */
const leases = new Map();
/** Those on the screen, by id: what takes them down. */
const shown = new Map();
let exiting = false;
let happened = [];
let closed = 0;
let watching;

const seen = () => recall("seen") || {};

function remember(lease, change) {
  const all = seen();
  all[lease.id] = { n: 0, ...all[lease.id], ...change, t: now() };
  const newest = Object.entries(all).sort((a, b) => b[1].t - a[1].t);
  keep("seen", Object.fromEntries(newest.slice(0, SEEN_MAX)));
}

/** Properties by which events speak of a message. */
const about = ({ id, template, journey, step, kind }, more) => ({
  message_id: id,
  template,
  journey,
  step,
  kind,
  ...more,
});

const untold = {};

/** Tells what became of a message, together with what else becomes of it at once, so that it comes in order. */
function outcomeOf(id, outcome) {
  if (untold[id]) return untold[id].push(outcome);
  untold[id] = [outcome];
  return queueMicrotask(() => {
    request("outcome", { lease: id, outcomes: untold[id] });
    delete untold[id];
  });
}

/** An event about a message; `outcome` is told of the message itself too. */
export function report(lease, event, outcome, more) {
  track(event, about(lease, more));
  if (!outcome) return;
  const told = seen()[lease.id]?.[outcome];
  if (!told || outcome === "clicked") outcomeOf(lease.id, outcome);
  remember(lease, { [outcome]: true });
}

/** Somebody did something with a message; `name` says with what. */
export function clicked(lease, name) {
  report(lease, "In-App Clicked", "clicked", { button: name });
  if (name === "help") report(lease, "Help Requested");
  if (name === "simpler") report(lease, "Simpler Way Chosen");
}

const matches = (pattern) =>
  new RegExp("^" + pattern.split("*").map((part) => part.replace(/[^\w/]/g, "\\$&")).join(".*") + "$").test(
    location.pathname
  );

/** Whether the page, and what was done on it, is what the message waits for. */
function due({ when = {} }) {
  const { time, scroll } = attention();
  return (
    (!when.path || [].concat(when.path).some(matches)) &&
    !(when.after_s * 1000 > time) &&
    !(when.scroll_percent > scroll) &&
    (!when.exit || exiting) &&
    (!when.event || happened.includes(when.event)) &&
    (!when.visits || session().number >= when.visits)
  );
}

function permitted(lease) {
  const known = seen()[lease.id];
  if (known?.done) return false;
  if (QUIET.includes(lease.kind)) return true;
  // What was begun (a tour) goes on; other things are shown a few times, and not twice on one page.
  if (lease.kind === "tour" && known) return true;
  const visit = session();
  const before = recall("shown") || {};
  const count = before.of === visit.id ? before.n : 0;
  return (
    (known?.n || 0) < (lease.payload.times || 3) &&
    lease.page !== location.href &&
    ![...shown.keys()].some((id) => !QUIET.includes(leases.get(id)?.kind)) &&
    (now() - closed >= settings.gap || !closed) &&
    count < settings.perSession
  );
}

function present(lease) {
  let down;
  try {
    // A listener that says false shows it in its own way.
    if (!tell("message", lease)) return shown.set(lease.id, () => undefined);
    down = renderers[lease.kind]?.(lease);
  } catch (error) {
    console.warn("sevenfold: a message cannot be shown", lease.template, error);
    down = () => undefined;
  }
  if (!down) return undefined;
  shown.set(lease.id, down);
  lease.page = location.href;
  const known = seen()[lease.id];
  remember(lease, { n: (known?.n || 0) + 1 });
  if (!QUIET.includes(lease.kind)) {
    const visit = session().id;
    const before = recall("shown") || {};
    keep("shown", { of: visit, n: (before.of === visit ? before.n : 0) + 1 });
  }
  if (lease.kind !== "inbox") report(lease, "In-App Shown", "delivered");
}

/** Looks at what waits, and shows what may be shown now. */
export function consider() {
  for (const lease of leases.values()) {
    if (lease.until <= now()) forget(lease.id);
    else if (!shown.has(lease.id) && document.visibilityState === "visible" && due(lease.payload) && permitted(lease))
      present(lease);
  }
  const pending = [...leases.keys()].some((id) => !shown.has(id) && !seen()[id]?.done);
  if (pending && !watching) watching = setInterval(consider, 1000);
  if (!pending && watching) watching = clearInterval(watching);
}

/** Draws a message again where it goes on (the next step of a tour). */
export function redraw(lease) {
  takeDown(lease.id);
  const down = renderers[lease.kind](lease);
  if (down) shown.set(lease.id, down);
}

function takeDown(id) {
  const down = shown.get(id);
  shown.delete(id);
  down?.();
}

function forget(id) {
  takeDown(id);
  if (leases.get(id)?.kind === "slot") fillSlot(leases.get(id).payload.slot);
  leases.delete(id);
}

/** A message is over: closed, answered or acted upon. `dismissed`: by somebody who wanted none of it. */
export function finish(lease, dismissed) {
  if (!leases.has(lease.id)) return;
  if (!QUIET.includes(lease.kind)) closed = now();
  takeDown(lease.id);
  remember(lease, { done: true });
  leases.delete(lease.id);
  if (dismissed && !seen()[lease.id].clicked) report(lease, "In-App Dismissed");
  outcomeOf(lease.id, "closed");
  tellTabs("closed", lease.id);
  consider();
}

/** Messages of a kind, the newest first. */
export const leasesOf = (kind) => [...leases.values()].filter((lease) => lease.kind === kind).reverse();

/** Begins. */
export function startDesk() {
  listen("leases", ({ active, fresh }) => {
    for (const id of leases.keys()) if (!active.includes(id)) forget(id);
    for (const lease of fresh)
      if (!leases.has(lease.id)) leases.set(lease.id, { ...lease, until: now() + lease.ttl_ms });
    tell("inbox", leasesOf("inbox"));
    consider();
  });
  listen("closed", (id) => {
    const lease = leases.get(id);
    if (lease) remember(lease, { done: true });
    takeDown(id);
    leases.delete(id);
  });
  listen("page", () => {
    exiting = false;
    happened = [];
    for (const [id, lease] of leases) if (shown.has(id) && lease.payload.when?.path && !due(lease.payload)) takeDown(id);
    consider();
  });
  listen("tracked", (event) => {
    happened.push(event);
    consider();
  });
  on(document, "mouseout", (event) => {
    if (event.relatedTarget || event.clientY > 0) return;
    exiting = true;
    consider();
  });
  on(document, "visibilitychange", consider);
}
