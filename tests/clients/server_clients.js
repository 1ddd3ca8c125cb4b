// Drives one of the Node clients: node server_clients.js CLIENT URL KEY EVENTS
"use strict";
const [, , client, url, key, events] = process.argv;

async function segment() {
  const { Analytics } = require("@segment/analytics-node");
  const analytics = new Analytics({ writeKey: key, host: url, maxEventsInBatch: 10 });
  analytics.identify({ userId: "user-1", traits: { email: "ada@example.com" } });
  for (let at = 0; at < Number(events); at++) {
    analytics.track({ userId: "user-1", event: "Order Completed", properties: { order_id: `o-${at}`, total: 27.5 } });
  }
  analytics.group({ userId: "user-1", groupId: "acct-1", traits: { name: "Initech" } });
  analytics.track({ anonymousId: "anon-2", event: "Looked Around" });
  await analytics.closeAndFlush({ timeout: 20000 });
}

async function rudder() {
  const found = require("@rudderstack/rudder-sdk-node");
  const analytics = new (found.default || found)(key, { dataPlaneUrl: url, flushAt: 10, flushInterval: 200 });
  const sent = [];
  const called = (message, method) =>
    sent.push(new Promise((done, failed) => analytics[method](message, (error) => (error ? failed(error) : done()))));
  called({ userId: "user-1", traits: { email: "ada@example.com" } }, "identify");
  for (let at = 0; at < Number(events); at++) {
    called({ userId: "user-1", event: "Order Completed", properties: { order_id: `o-${at}`, total: 27.5 } }, "track");
  }
  called({ userId: "user-1", groupId: "acct-1", traits: { name: "Initech" } }, "group");
  called({ anonymousId: "anon-2", event: "Looked Around" }, "track");
  await Promise.all(sent);
}

({ segment, rudder })[client]().then(
  () => process.exit(0),
  (error) => { console.error(String(error)); process.exit(1); },
);
