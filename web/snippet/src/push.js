// Web push: asked for after a click only, and told to the server as an event with the browser's address for messages.
import { settings } from "./base.js";
import { clicked, finish, report } from "./desk.js";
import { anonymousId, track } from "./events.js";
import { panel, said } from "./kinds.js";
import { welcome } from "./line.js";
import { flush } from "./queue.js";
import { el, word } from "./view.js";

const possible = () => "serviceWorker" in navigator && "PushManager" in window && welcome.push_key;

/** base64url as bytes. */
function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

let policy;

/** An address that a page with Trusted Types lets through, if it allows a policy `sevenfold`. */
function trusted(address) {
  try {
    policy ||= trustedTypes.createPolicy("sevenfold", { createScriptURL: (one) => one });
    return policy.createScriptURL(address);
  } catch {
    return address;
  }
}

/** Asks for permission and subscribes. Only in answer to a click or a key; resolves to whether it worked. */
export async function subscribe() {
  if (!possible()) return false;
  if (Notification.permission !== "granted") {
    if (navigator.userActivation && !navigator.userActivation.isActive) {
      console.warn("sevenfold: subscribe() needs a click");
      return false;
    }
    if ((await Notification.requestPermission()) !== "granted") {
      track("Push Declined");
      return false;
    }
  }
  const query = new URLSearchParams({ key: settings.key, host: settings.host, id: anonymousId() });
  const worker = await navigator.serviceWorker.register(trusted(settings.pushWorker + "?" + query));
  await navigator.serviceWorker.ready;
  const held = await worker.pushManager.getSubscription();
  const subscription =
    held ||
    (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(welcome.push_key) }));
  const { endpoint, keys } = subscription.toJSON();
  const token = `${endpoint}#${keys.p256dh}.${keys.auth}`;
  track("Push Subscribed", {}, { device: { type: "web", token } });
  await flush();
  return true;
}

/** A message that asks before the browser does; whoever says no here can be asked another time. */
export function pushAsk(lease) {
  if (!possible() || Notification.permission !== "default") return undefined;
  const yes = async () => {
    clicked(lease, "allow");
    const worked = await subscribe();
    report(lease, worked ? "Push Allowed" : "Push Refused");
    finish(lease);
  };
  const buttons = el(
    "div",
    { class: "row" },
    el("button", { class: "b main", click: yes }, lease.payload.allow || word(lease, "allow")),
    el("button", { class: "b", click: () => finish(lease, true) }, lease.payload.later || word(lease, "later"))
  );
  return panel(lease, [said(lease), buttons], "panel");
}
