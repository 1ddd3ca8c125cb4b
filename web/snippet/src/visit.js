// The visit: sessions, where it came from, and how long and how far pages are really looked at.
import { keep, newId, now, on, recall, settings } from "./base.js";

/** Without a key, a touch or a scroll for so long nobody is taken to be reading. */
const IDLE_MS = 5 * 60000;

/** The session, renewed by being asked for; a new one after half an hour without. */
export function session() {
  const t = now();
  let held = recall("session");
  if (!held || t - held.last > settings.session) {
    held = { id: newId().slice(0, 16), start: t, number: (recall("sessions") || 0) + 1, campaign: campaign() };
    keep("sessions", held.number);
  } else if (campaign()) held.campaign = campaign();
  held.last = t;
  keep("session", held);
  return held;
}

function campaign() {
  const found = {};
  new URLSearchParams(location.search).forEach((value, key) => {
    if (key.startsWith("utm_")) found[key === "utm_campaign" ? "name" : key.slice(4)] = value.slice(0, 200);
  });
  return Object.keys(found).length ? found : undefined;
}

let referrer = document.referrer;
let current = location.href;

/** The page as Segment's events name it. */
export function pageContext() {
  return {
    path: location.pathname,
    referrer,
    search: location.search,
    title: document.title,
    url: location.href,
  };
}

// ------------------------------------------------------------------------------------- attention to a page

/** The page view that time is counted for. */
let viewed;
let from = 0;
let active = 0;
let spent = 0;
let reached = 0;

const visible = () => document.visibilityState === "visible";

function settle() {
  const end = Math.min(now(), active + IDLE_MS);
  if (from && end > from) spent += end - from;
  from = visible() ? now() : 0;
}

function moved() {
  if (now() - active < 1000) return;
  settle();
  active = now();
}

function look() {
  const all = document.documentElement.scrollHeight;
  const seen = window.scrollY + window.innerHeight;
  reached = Math.max(reached, all > 0 ? Math.min(100, Math.round((100 * seen) / all)) : 100);
}

/** How long (ms) and how far (percent) the page was looked at since `attend`. */
export function attention() {
  settle();
  return { time: total + spent, scroll: reached };
}

let total = 0;

/** A page view begins. */
export function attend(page) {
  viewed = page;
  active = now();
  from = visible() ? active : 0;
  spent = total = reached = 0;
  look();
  if (current !== location.href) {
    referrer = current;
    current = location.href;
  }
}

/** What there is to say of the page when it is left, or left for a while: the time since last said. */
export function leaving() {
  settle();
  if (!viewed || spent < 1) return undefined;
  total += spent;
  const said = { ...viewed, duration_ms: spent, total_ms: total, scroll_percent: reached };
  spent = 0;
  return said;
}

/** Begins to watch; `left` is called whenever the page is left. */
export function startVisit(left) {
  on(window, "pointerdown pointermove keydown touchstart scroll", moved, { passive: true });
  on(window, "scroll", look, { passive: true });
  on(document, "visibilitychange", () => {
    if (!visible()) return left();
    active = now();
    settle();
  });
  on(window, "pagehide", left);
}
