// Segment's calls: page, track, identify, group, alias, reset.
import { keep, newId, recall, tell } from "./base.js";
import { consentContext, granted, keepId, keptId } from "./consent.js";
import { enqueue, flush } from "./queue.js";
import { attend, leaving, pageContext, session } from "./visit.js";

const CONSENT_CHANGED = "Segment Consent Preference Updated";

/** The visitor's own id, made at the first event. */
export function anonymousId() {
  let id = keptId();
  if (!id) keepId((id = newId()));
  return id;
}

export const userId = () => recall("user");

function context() {
  const { id, number, start, campaign, last } = session();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    library: { name: "sevenfold.js", version: "1" },
    page: pageContext(),
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone: zone,
    screen: { width: screen.width, height: screen.height },
    campaign,
    sessionId: id,
    session: { number, start: new Date(start).toISOString(), first: last === start || undefined },
    groupId: recall("group"),
  };
}

/** An event on its way; fields of `context` over those that every event has. */
export function send(type, fields, more) {
  enqueue({
    type,
    messageId: "sf-" + newId(),
    timestamp: new Date().toISOString(),
    anonymousId: anonymousId(),
    userId: userId(),
    ...fields,
    context: { ...context(), ...more },
  });
}

/** What happened. */
export const track = (event, properties, more) => send("track", { event, properties }, more);

/** A page is looked at: `page(name?, properties?)` or `page(category, name, properties?)`. */
export function page(...given) {
  const properties = typeof given.at(-1) == "object" ? given.pop() : {};
  const [name, category] = given.reverse();
  left();
  const about = pageContext();
  attend({ name: name || properties.name, path: about.path, url: about.url, title: about.title });
  about.referrer = pageContext().referrer;
  send("page", { name, category, properties: { ...about, category, ...properties } });
  tell("page");
}

/** The page is left, if there is one, for another or for a while. */
export function left() {
  const said = granted() && leaving();
  if (said) track("Page Left", said);
}

/** Who this is: `identify(userId?, traits?, {proof?})`. */
export function identify(id, traits, options) {
  if (typeof id == "object") [id, traits, options] = [undefined, id, traits];
  if (id !== undefined && id !== null) {
    if (userId() !== String(id)) keep("proof");
    keep("user", String(id));
  }
  if (options?.proof) keep("proof", options.proof);
  send("identify", { traits });
  flush();
  tell("identity");
}

/** Which account they are in. */
export function group(id, traits) {
  keep("group", String(id));
  send("group", { groupId: String(id), traits });
}

/** Two ids that are one person. */
export function alias(to, from = userId() || anonymousId()) {
  send("alias", { userId: String(to), previousId: String(from) });
}

/** Somebody logs out: whoever comes next is another visitor. */
export function reset() {
  flush();
  for (const name of ["user", "proof", "group", "session", "seen", "slots"]) keep(name);
  keepId(newId());
  tell("identity");
}

/** Tells that what somebody agrees to has changed. */
export function tellConsent(said) {
  track(CONSENT_CHANGED, {}, { consent: consentContext(said) });
  flush();
}
