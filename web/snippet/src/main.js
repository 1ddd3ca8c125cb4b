// The face: `sevenfold.load(key, settings)` and the calls, which may be made before this file has come.
import { listen, on, settings, tell } from "./base.js";
import { agrees, granted, say, startConsent, withdraw } from "./consent.js";
import { startDesk } from "./desk.js";
import { alias, anonymousId, group, identify, left, page, reset, tellConsent, track, userId } from "./events.js";
import { inbox, startKinds, watchSlot } from "./kinds.js";
import { connect, disconnect, startLine } from "./line.js";
import { subscribe } from "./push.js";
import { dropQueue, flush, hurry, startQueue } from "./queue.js";
import { session, startVisit } from "./visit.js";

const script = document.currentScript;
/** Calls made while nobody had agreed yet: they wait here, and nowhere else. */
let held = [];
const HELD_MAX = 100;
let loaded = false;
let ready = [];

const recorded = (call) =>
  (...given) => {
    if (granted()) call(...given);
    else if (held.length < HELD_MAX) held.push([call, given]);
  };

function load(key, given = {}) {
  if (loaded) return;
  loaded = true;
  Object.assign(settings, given, { key, host: (given.host || new URL(script?.src || location.href).origin).replace(/\/$/, "") });
  startConsent();
  startLine();
  startDesk();
  startKinds();
  startVisit(() => {
    left();
    if (granted()) hurry();
  });
  if (settings.routes) watchRoutes();
  if (granted()) begin();
  ready.forEach((one) => one());
}

function begin() {
  startQueue();
  // The calls that came with the page go before the question what there is for whoever made them.
  setTimeout(connect);
}

/** Somebody agrees or does not: `consent(true)`, `consent(false)`, `consent({category: boolean})`. */
function consent(preferences) {
  const before = granted();
  // Who was told of an agreement is told of its end as well, before everything is forgotten.
  if (before && !agrees(preferences)) tellConsent(preferences);
  say(preferences);
  if (!granted()) {
    held = [];
    if (!before) return;
    disconnect();
    tell("leases", { active: [], fresh: [] });
    dropQueue();
    withdraw();
    return;
  }
  tellConsent(preferences);
  if (before) return;
  const calls = held;
  held = [];
  calls.forEach(([call, given]) => call(...given));
  begin();
}

let lastPage = "";

/** New addresses without a new document: a page view each, unless the site tells of it by itself. */
function watchRoutes() {
  const changed = () =>
    setTimeout(() => {
      if (loaded && lastPage && lastPage !== location.pathname) api.page();
    }, 300);
  for (const name of ["pushState", "replaceState"]) {
    const before = history[name];
    history[name] = function (...given) {
      const result = before.apply(this, given);
      changed();
      return result;
    };
  }
  on(window, "popstate", changed);
}

const api = {
  load,
  consent,
  on: listen,
  inbox,
  flush,
  anonymousId: () => (granted() ? anonymousId() : undefined),
  userId,
  session: () => (granted() ? session() : undefined),
  subscribe,
  ready: (call) => (loaded ? call() : ready.push(call)),
  page: recorded((...given) => {
    lastPage = location.pathname;
    page(...given);
  }),
  track: recorded((event, properties, more) => {
    track(event, properties, more);
    tell("tracked", event);
  }),
  identify: recorded(identify),
  group: recorded(group),
  alias: recorded(alias),
  reset: recorded(reset),
  slot: watchSlot,
};

const before = window.sevenfold;
if (!before?.load || Array.isArray(before)) {
  window.sevenfold = api;
  for (const [name, ...given] of before || []) api[name]?.(...given);
  if (script?.dataset.key) {
    load(script.dataset.key, { ...script.dataset });
    api.page();
  }
}
