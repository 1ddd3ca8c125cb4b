// The service worker for web push. A site serves a file of its own at `/sevenfold-push.js` that holds one line:
// `importScripts("https://events.example.com/sevenfold-push.js")`. Its address carries key, host and visitor.
(() => {
  const asked = new URLSearchParams(location.search);
  const [key, host, visitor] = ["key", "host", "id"].map((name) => asked.get(name));

  const post = (path, body) =>
    fetch(host + path, { method: "POST", headers: { "Content-Type": "text/plain" }, body: JSON.stringify(body) }).catch(
      () => undefined
    );

  const id = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join("");

  const track = (event, properties, context) =>
    post("/v1/t", {
      writeKey: key,
      type: "track",
      event,
      properties,
      context: { library: { name: "sevenfold-push.js", version: "1" }, ...context },
      anonymousId: visitor,
      messageId: "sf-" + id(),
      timestamp: new Date().toISOString(),
      sentAt: new Date().toISOString(),
    });

  /** Tells what became of a message, as an event of the person and of the message itself. */
  const report = (data, event, outcome) =>
    Promise.all([
      track(event, { message_id: data.id }),
      outcome && post("/v1/inapp/push", { writeKey: key, anonymousId: visitor, effect: data.id, outcome }),
    ]);

  addEventListener("push", (event) => {
    const { notification: { title, navigate, actions = [], data = {}, ...shown } = {} } = event.data?.json() || {};
    if (!title) return;
    const links = Object.fromEntries(actions.map((one) => [one.action, one.navigate]));
    const options = { ...shown, actions: actions.map(({ action, title }) => ({ action, title })) };
    options.data = { ...data, navigate, links };
    event.waitUntil(
      Promise.all([self.registration.showNotification(title, options), report(data, "Push Notification Received", "delivered")])
    );
  });

  addEventListener("notificationclick", (event) => {
    const { data } = event.notification;
    event.notification.close();
    const link = data.links?.[event.action] || data.navigate;
    event.waitUntil(
      Promise.all([
        link && self.clients.openWindow(link).catch(() => undefined),
        report(data, "Push Notification Tapped", "clicked"),
      ])
    );
  });

  addEventListener("notificationclose", (event) =>
    event.waitUntil(report(event.notification.data, "Push Notification Dismissed"))
  );

  // The browser changed its address for messages: without telling, they would go nowhere from now on.
  addEventListener("pushsubscriptionchange", (event) => {
    const again = async () => {
      const before = event.oldSubscription || (await self.registration.pushManager.getSubscription());
      const fresh = event.newSubscription || (before && (await self.registration.pushManager.subscribe(before.options)));
      if (!fresh) return;
      const { endpoint, keys } = fresh.toJSON();
      await track("Push Subscribed", {}, { device: { type: "web", token: `${endpoint}#${keys.p256dh}.${keys.auth}` } });
    };
    event.waitUntil(again());
  });
})();
