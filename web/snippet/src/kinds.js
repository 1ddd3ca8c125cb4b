// The kinds of messages: banner, modal, tooltip, tour, checklist, video, inbox, slot; surveys and forms are in asking.js.
import { keep, listen, now, recall, tell } from "./base.js";
import { askings } from "./asking.js";
import { clicked, finish, leasesOf, redraw, report } from "./desk.js";
import { request } from "./line.js";
import { pushAsk } from "./push.js";
import { anchorOf, announce, drawn, el, hold, safe, stage, word } from "./view.js";

// ------------------------------------------------------------------------------------------------ what is said

const paragraphs = (text) => (text || "").split(/\n\s*\n/).map((one) => one.trim() && el("p", {}, one.trim()));

/** Title, picture, text: what every message has. */
export const said = ({ title, image, body, blocks }, skip) => [
  image && safe(image) && el("img", { src: image, alt: "" }),
  title && !skip && el("h2", {}, title),
  blocks ? blocks.map(drawn) : paragraphs(body),
];

async function act(lease, name, button, note) {
  button.disabled = true;
  const answer = await request("act", { lease: lease.id, action: name });
  const worked = answer?.success === true;
  report(lease, worked ? "In-App Action Completed" : "In-App Action Failed", "opened", {
    button: name,
    reason: worked ? undefined : answer?.code || "network",
  });
  if (worked && answer.url && safe(answer.url)) return location.assign(answer.url);
  note.textContent = (worked && answer.message) || word(lease, worked ? "thanks" : "failed");
  announce(note.textContent);
  button.disabled = worked;
  if (worked) setTimeout(finish, 4000, lease);
}

/** A link or a button; what is pressed is reported, and ends the message unless it is an action of the server. */
function press(lease, { label, link, name, action }, main, note, stays) {
  const look = "b" + (main ? " main" : "");
  const over = () => {
    clicked(lease, name);
    if (!stays) finish(lease);
  };
  if (action) return el("button", { class: look, click: ({ target }) => (clicked(lease, name), act(lease, name, target, note)) }, label);
  const href = link && link !== "#" && safe(link);
  return href ? el("a", { class: look, href, click: over }, label) : el("button", { class: look, click: over }, label);
}

/** The row of things to press. */
export function choices(lease, of = lease, stays) {
  const note = el("p", { class: "muted", role: "status" });
  const { help, simpler } = of.payload || of;
  const listed = [...(of.buttons || [])];
  if (of.link && !listed.length) listed.push({ label: of.payload?.link_label || word(lease, "next"), link: of.link, name: "link" });
  for (const [name, one] of Object.entries({ help, simpler }))
    if (one) listed.push({ label: one, ...(one.label && one), name });
  if (!listed.length) return [];
  return [el("div", { class: "row" }, listed.map((one, index) => press(lease, one, !index && of === lease, note, stays))), note];
}

const boxOf = (tag, look, lease, nodes, dismiss, more) =>
  el(
    tag,
    {
      class: "box " + look,
      "aria-label": lease.title || lease.body || lease.kind,
      tabindex: -1,
      // Links in what is said count as clicks too.
      click: (event) => event.target.closest("p a,li a") && clicked(lease, "link"),
      ...more,
    },
    nodes,
    el("button", { class: "x", "aria-label": word(lease, "close"), click: dismiss }, "×")
  );

// --------------------------------------------------------------------------------------------------- where it is

/** Over everything else, which is out of reach meanwhile; Escape and a click beside it close it. */
export function modal(lease, nodes, look = "", dismiss = () => finish(lease, true)) {
  const dialog = boxOf("dialog", "modal " + look, lease, nodes, dismiss, {
    cancel: (event) => {
      event.preventDefault();
      dismiss();
    },
    mousedown: (event) => event.target === dialog && outside(dialog, event) && dismiss(),
  });
  stage().append(dialog);
  dialog.showModal();
  dialog.focus();
  return () => {
    dialog.close();
    dialog.remove();
  };
}

function outside(box, { clientX: x, clientY: y }) {
  const at = box.getBoundingClientRect();
  return x < at.left || x > at.right || y < at.top || y > at.bottom;
}

/** Beside everything else, which goes on; Escape closes it from inside. */
export function panel(lease, nodes, look, dismiss = () => finish(lease, true)) {
  const box = boxOf("section", look, lease, nodes, dismiss, {
    keydown: (event) => event.key === "Escape" && dismiss(),
  });
  const before = document.activeElement;
  stage().append(box);
  announce(lease.title || lease.body || "");
  return () => {
    const inside = box.contains(stage().activeElement);
    box.remove();
    if (inside) before?.focus?.();
  };
}

/** A box that points at an element of the page. */
function pointed(lease, nodes, anchor, placement, dismiss) {
  const box = boxOf("section", "tip", lease, nodes, dismiss, { role: "dialog" });
  const ring = el("div", { class: "ring" });
  const before = document.activeElement;
  const escape = (event) => event.key === "Escape" && dismiss();
  stage().append(ring, box);
  anchor.scrollIntoView({ block: "nearest" });
  const release = hold(box, ring, anchor, placement);
  // Somebody who is writing goes on writing; everybody else is taken along.
  if (!before?.matches?.("input,textarea,select,[contenteditable]")) box.focus({ preventScroll: true });
  document.addEventListener("keydown", escape);
  announce(box.querySelector("h2")?.textContent || "");
  return () => {
    document.removeEventListener("keydown", escape);
    release();
    const inside = stage().activeElement && box.contains(stage().activeElement);
    box.remove();
    ring.remove();
    if (inside) before?.focus?.();
  };
}

// ------------------------------------------------------------------------------------------------------ the kinds

const banner = (lease) =>
  panel(lease, [said(lease), choices(lease)], "bar " + (lease.payload.placement || ""));

const dialog = (lease) => modal(lease, [said(lease), choices(lease)]);

function tooltip(lease) {
  const anchor = anchorOf(lease.payload.anchor);
  const nodes = [said(lease), choices(lease)];
  return anchor && pointed(lease, nodes, anchor, lease.payload.placement, () => finish(lease, true));
}

/** Several tooltips in a row, over several pages if need be; where somebody stands is kept. */
function tour(lease) {
  const { steps } = lease.payload;
  const places = recall("tours") || {};
  const at = Math.min(places[lease.id] || 0, steps.length - 1);
  const step = steps[at];
  const anchor = anchorOf(step.anchor);
  if (!anchor || (step.path && step.path !== location.pathname)) return undefined;
  let down;
  const told = { step_number: at + 1, steps: steps.length, step_name: step.name || step.title };
  const go = (to) => {
    keep("tours", { ...places, [lease.id]: to });
    report(lease, "Tour Step Completed", "opened", told);
    if (to < steps.length) return redraw(lease);
    report(lease, "Tour Completed", "clicked");
    keep("tours", { ...places, [lease.id]: undefined });
    finish(lease);
  };
  const next = () => go(at + 1);
  const buttons = el(
    "div",
    { class: "row end" },
    el("span", { class: "muted" }, `${at + 1} ${word(lease, "of")} ${steps.length}`),
    at > 0 && el("button", { class: "b", click: () => go(at - 1) }, word(lease, "back")),
    el("button", { class: "b main", click: next }, word(lease, at + 1 < steps.length ? "next" : "done"))
  );
  const nodes = [said(step), player(lease, step), choices(lease, { ...step, payload: { ...lease.payload, ...step } }, true), buttons];
  if (step.advance === "click") anchor.addEventListener("click", next, { once: true });
  report(lease, "Tour Step Viewed", undefined, told);
  down = pointed({ ...lease, title: step.title }, nodes, anchor, step.placement, () => finish(lease, true));
  return () => {
    anchor.removeEventListener("click", next);
    down();
  };
}

/** What looks, for each checklist on the screen, whether an event does something on it. */
const checks = new Map();

/** A list of things to do; each is done when the server says so, or when the event it names happens. */
function checklist(lease) {
  const { items } = lease.payload;
  const known = () => (recall("checked") || {})[lease.id] || {};
  const done = (item) => item.done === true || known()[item.name];
  const list = el("div", { role: "list" });
  const bar = el("progress", { max: items.length, "aria-label": lease.title });
  const draw = () => {
    bar.value = items.filter(done).length;
    list.replaceChildren(
      ...items.map((item) =>
        el(
          "div",
          { class: "item", role: "listitem" },
          el("span", { class: "mark", role: "img", "aria-label": done(item) ? word(lease, "done") : "○" }, done(item) ? "✓" : "○"),
          item.link && !done(item)
            ? el("a", { href: safe(item.link), click: () => clicked(lease, item.name) }, item.title)
            : el("span", { class: done(item) && "done" }, item.title)
        )
      )
    );
  };
  const check = (event) => {
    for (const item of items)
      if (item.done_on === event && !done(item)) {
        keep("checked", { ...recall("checked"), [lease.id]: { ...known(), [item.name]: true } });
        report(lease, "Checklist Item Completed", "opened", { item: item.name });
        draw();
        if (items.every(done)) report(lease, "Checklist Completed", "clicked");
      }
  };
  checks.set(lease.id, check);
  draw();
  return panel(lease, [said(lease), bar, list, choices(lease, lease, true)], "panel");
}

function player(lease, { video, captions, title }) {
  const source = video && safe(video);
  if (!source) return undefined;
  const event = (name) => () => report(lease, name, "opened", { video: source });
  return /\.(mp4|webm|ogv)(\?|$)/.test(source)
    ? el(
        "video",
        { src: source, controls: true, preload: "metadata", crossorigin: captions && "anonymous", play: event("Video Started"), ended: event("Video Completed") },
        captions && el("track", { kind: "captions", src: captions, default: true })
      )
    : el("iframe", { src: source, title: title || lease.title, allow: "fullscreen; picture-in-picture", allowfullscreen: true });
}

const video = (lease) =>
  modal(lease, [said(lease), player(lease, { ...lease.payload, title: lease.title }), choices(lease)], "wide");

// ------------------------------------------------------------------------------------------------------- the inbox

let inboxDown;

/** Opens the list of messages that wait to be read, or closes it. */
export function inbox() {
  if (inboxDown) return closeInbox();
  const all = leasesOf("inbox");
  const about = { payload: {}, title: "", id: "inbox", kind: "inbox" };
  about.title = word(about, "inbox");
  const read = recall("read") || {};
  const items = all.map((lease) =>
    el(
      "details",
      {
        class: "item" + (read[lease.id] ? "" : " new"),
        toggle: ({ target }) => {
          if (!target.open || read[lease.id]) return;
          read[lease.id] = now();
          keep("read", read);
          target.className = "item";
          report(lease, "In-App Opened", "opened");
          tell("inbox", leasesOf("inbox"));
        },
      },
      el("summary", {}, lease.title || lease.body),
      said(lease, true),
      choices(lease, lease, true)
    )
  );
  for (const lease of all) report(lease, "In-App Shown", "delivered");
  const nodes = [el("h2", {}, about.title), items.length ? items : el("p", { class: "item muted" }, word(about, "empty"))];
  inboxDown = panel(about, nodes, "list", closeInbox);
  stage().querySelector(".list").focus();
}

function closeInbox() {
  inboxDown?.();
  inboxDown = undefined;
}

function countUnread(all) {
  const read = recall("read") || {};
  const count = all.filter((lease) => !read[lease.id]).length;
  for (const opener of document.querySelectorAll("[data-sevenfold-inbox]")) opener.dataset.sevenfoldInbox = count || "";
  tell("unread", count);
}

// -------------------------------------------------------------------------------------------------------- the slots

const first = new Map();
const watched = new Set();

/** Tells a listener what a slot holds, now and whenever that changes. */
export function watchSlot(name, listener) {
  watched.add(name);
  listen("slot:" + name, listener);
  const held = recall("slots")?.[name];
  if (held) listener(held.payload);
}

/** Fills the elements of a slot with a message, or gives them back what they held. */
export function fillSlot(name, lease) {
  const places = [...document.querySelectorAll("[data-sevenfold-slot]")].filter((one) => one.dataset.sevenfoldSlot === name);
  for (const place of places) {
    if (!first.has(place)) first.set(place, [...place.childNodes]);
    if (!lease) place.replaceChildren(...first.get(place));
    else if (place.filledBy !== lease.id) {
      place.filledBy = lease.id;
      place.replaceChildren(
        ...el("div", {}, said(lease), lease.link && !lease.buttons?.length && el("a", { href: safe(lease.link), click: () => clicked(lease, "link") }, lease.payload.link_label || lease.title), (lease.buttons || []).map((one) => press(lease, one, true, undefined, true))).childNodes
      );
    }
  }
  const kept = recall("slots") || {};
  if (kept[name]?.id !== lease?.id) tell("slot:" + name, lease?.payload);
  keep("slots", { ...kept, [name]: lease });
  return places.length || watched.has(name);
}

function slot(lease) {
  return fillSlot(lease.payload.slot, lease) ? () => undefined : undefined;
}

/** Begins: what a slot held on the page before stands there at once, so that nothing jumps. */
export function startKinds() {
  const kept = recall("slots") || {};
  for (const name in kept) if (kept[name]?.until > now()) fillSlot(name, kept[name]);
  listen("inbox", countUnread);
  listen("tracked", (event) => checks.forEach((check) => check(event)));
  listen("leases", ({ active }) => {
    for (const [name, lease] of Object.entries(recall("slots") || {}))
      if (lease && !active.includes(lease.id)) fillSlot(name);
  });
  // A page that draws itself has new places for what its slots hold.
  listen("page", () => setTimeout(() => leasesOf("slot").forEach((lease) => fillSlot(lease.payload.slot, lease)), 300));
  document.addEventListener("click", (event) => event.target.closest?.("[data-sevenfold-inbox]") && inbox());
}

/** How each kind is shown: what takes it down again, or undefined where it cannot be shown here and now. */
export const renderers = {
  banner,
  modal: dialog,
  tooltip,
  tour,
  checklist,
  video,
  slot,
  inbox: () => () => undefined,
  push: pushAsk,
  ...askings,
};
