// Consent: with "opt-in", or Global Privacy Control, nothing is stored or sent before somebody agrees.
import { allowKeeping, forgetAll, keep, recall, settings } from "./base.js";

/** true, false, or {category: boolean}; undefined while nobody has said anything. */
let preferences;

export const agrees = (said) => said === true || Object.values(said || {}).includes(true);

const asksFirst = () =>
  settings.consent === "opt-in" || (settings.gpc && navigator.globalPrivacyControl === true);

/** Whether anything may be stored and sent. */
export const granted = () => (preferences === undefined ? !asksFirst() : agrees(preferences));

/** What was said of categories, as Segment's events carry it. */
export const consentContext = (said) =>
  said && typeof said == "object" ? { categoryPreferences: said } : undefined;

/** Begins: what an earlier page was told holds. */
export function startConsent() {
  try {
    preferences = JSON.parse(localStorage.getItem("sevenfold.consent")) ?? undefined;
  } catch {
    preferences = undefined;
  }
  if (granted()) allowKeeping();
}

/** Takes what somebody said. */
export function say(said) {
  preferences = said;
  if (!granted()) return;
  allowKeeping();
  keep("consent", said);
}

/** Everything goes, in storage and cookies; what was said stays for this page. */
export function withdraw() {
  forgetAll();
  document.cookie = cookie("", 0);
}

const cookie = (value, age) =>
  `sevenfold_id=${value};path=/;max-age=${age};samesite=lax` +
  (settings.cookieDomain ? ";domain=" + settings.cookieDomain : "") +
  (location.protocol === "https:" ? ";secure" : "");

const COOKIE_S = 400 * 86400;

/** Keeps the visitor's id in a cookie of the site as well, for its subdomains and its server. */
export function keepId(id) {
  keep("anonymous", id);
  if (granted()) document.cookie = cookie(id, COOKIE_S);
}

/** The visitor's id that is kept, if one is. */
export const keptId = () =>
  (granted() && document.cookie.match(/(?:^|; )sevenfold_id=(\w{8,64})/)?.[1]) || recall("anonymous");
