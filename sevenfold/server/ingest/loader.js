/* What Segment's snippet loads: takes over the calls that gathered on window.analytics and sends them to Sevenfold.
   Written for the snippets of analytics.js 3 to 5; state lies under the names that analytics.js uses. */
(function (key, base) {
  "use strict";
  var tag = document.querySelector("script[data-global-segment-analytics-key]");
  var name = (tag && tag.getAttribute("data-global-segment-analytics-key")) || "analytics";
  var queued = window[name] || [];
  if (queued.initialize) return;
  var waiting = [], busy = false, failures = 0;

  function keep(field, value) {
    try {
      if (value === undefined) return JSON.parse(localStorage.getItem(field));
      if (value === null) localStorage.removeItem(field);
      else localStorage.setItem(field, JSON.stringify(value));
    } catch (_) { /* storage is off: what is known lasts as long as the page */ }
    if (value === undefined) return memory[field];
    memory[field] = value;
    return value;
  }
  var memory = {};

  function id() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (b) { return (b + 256).toString(16).slice(1); }).join("");
  }
  function anonymous() { return keep("ajs_anonymous_id") || keep("ajs_anonymous_id", id()); }

  function campaign(search) {
    var found, names = { utm_campaign: "name" };
    new URLSearchParams(search).forEach(function (value, field) {
      if (field.indexOf("utm_") === 0) (found = found || {})[names[field] || field.slice(4)] = value;
    });
    return found;
  }

  function pageOf(told) {
    told = told || {};
    return {
      path: told.p || location.pathname, url: told.u || location.href, search: told.s || location.search,
      title: told.t || document.title, referrer: told.r || document.referrer
    };
  }

  function send(type, fields, options, told) {
    var page = pageOf(told), context = {
      page: page, userAgent: navigator.userAgent, locale: navigator.language,
      library: { name: "sevenfold-loader", version: "1" }, campaign: campaign(page.search),
      timezone: (window.Intl && Intl.DateTimeFormat().resolvedOptions().timeZone) || undefined
    };
    options = options || {};
    var own = options.context || {};
    for (var field in own) context[field] = own[field];
    var event = {
      type: type, messageId: "ajs-" + id(), timestamp: options.timestamp || new Date().toISOString(), context: context,
      integrations: options.integrations || {}, anonymousId: options.anonymousId || anonymous(),
      userId: options.userId || keep("ajs_user_id") || undefined, writeKey: key
    };
    for (var more in fields) if (fields[more] !== undefined) event[more] = fields[more];
    if (type === "page") event.properties = merged(page, event.properties);
    waiting.push(event);
    flush();
  }
  function merged(below, above) {
    var all = {}, field;
    for (field in below) all[field] = below[field];
    for (field in above || {}) all[field] = above[field];
    return all;
  }

  function flush() {
    if (busy || !waiting.length) return;
    busy = true;
    var event = waiting[0];
    event.sentAt = new Date().toISOString();
    fetch(base + "/v1/" + event.type.charAt(0), {
      method: "POST", keepalive: true, headers: { "Content-Type": "text/plain" }, body: JSON.stringify(event)
    }).then(function (answer) {
      // What was refused for good would be refused again; everything else is kept and sent again.
      if (answer.status !== 429 && answer.status < 500) return done();
      again(Number(answer.headers.get("Retry-After")) || 0);
    }, function () { again(0); });
  }
  function done() { waiting.shift(); busy = false; failures = 0; flush(); }
  function again(seconds) {
    failures += 1;
    if (waiting.length > 100) waiting.splice(1, waiting.length - 100);
    setTimeout(function () { busy = false; flush(); }, 1000 * (seconds || Math.min(60, Math.pow(2, failures - 1))));
  }

  // analytics.js takes (name, properties, options, callback), each but the first optional.
  function call(args) {
    var told, done_, rest = [];
    for (var at = 0; at < args.length; at++) {
      var one = args[at];
      if (one && one.__t === "bpc") told = one;
      else if (typeof one === "function") done_ = one;
      else rest.push(one);
    }
    return { rest: rest, told: told, done: done_ };
  }
  function ends(called) { if (called.done) setTimeout(called.done, 0); return analytics; }
  function words(rest) {
    var found = [];
    while (found.length < 2 && typeof rest[0] === "string") found.push(rest.shift());
    return found.length === 2 ? { category: found[0], name: found[1] } : { name: found[0] };
  }

  function viewed(type) {
    return function () {
      var called = call(arguments), said = words(called.rest);
      var properties = merged(said, called.rest[0]);
      send(type, { name: said.name, category: said.category, properties: properties }, called.rest[1], called.told);
      return ends(called);
    };
  }
  function person(kind, field, type) {
    return function () {
      var called = call(arguments), rest = called.rest;
      var who = typeof rest[0] === "object" && rest[0] ? null : rest.shift();
      if (who !== null && who !== undefined) keep("ajs_" + kind + "_id", String(who));
      var traits = merged(keep("ajs_" + kind + "_" + field) || {}, rest[0]), fields = { traits: traits };
      keep("ajs_" + kind + "_" + field, traits);
      fields[kind + "Id"] = keep("ajs_" + kind + "_id") || undefined;
      send(type, fields, rest[1], called.told);
      return ends(called);
    };
  }
  function entity(kind, field) {
    return {
      id: function (to) { return to === undefined ? keep("ajs_" + kind + "_id") : keep("ajs_" + kind + "_id", to); },
      traits: function () { return keep("ajs_" + kind + "_" + field) || {}; },
      anonymousId: function (to) { return to ? keep("ajs_anonymous_id", to) : anonymous(); }
    };
  }
  function watched(event) {
    return function (elements, what, properties) {
      [].concat(elements && elements.length === undefined ? [elements] : [].slice.call(elements || [])).forEach(function (one) {
        one.addEventListener(event, function () {
          analytics.track(typeof what === "function" ? what(one) : what,
            typeof properties === "function" ? properties(one) : properties);
        });
      });
      return analytics;
    };
  }
  function nothing() { return analytics; }

  var identify = person("user", "traits", "identify");
  var analytics = {
    initialize: nothing, initialized: true, invoked: true, VERSION: "sevenfold-1",
    track: function () {
      var called = call(arguments);
      send("track", { event: called.rest[0], properties: called.rest[1] || {} }, called.rest[2], called.told);
      return ends(called);
    },
    page: viewed("page"), pageview: viewed("page"), screen: viewed("screen"), identify: identify,
    group: function () {
      if (!arguments.length) return entity("group", "properties");
      return person("group", "properties", "group").apply(null, arguments);
    },
    alias: function (to, from) {
      var called = call(arguments);
      send("alias", { userId: to, previousId: typeof from === "string" ? from : keep("ajs_user_id") || anonymous() },
        called.rest[2], called.told);
      return ends(called);
    },
    user: function () { return entity("user", "traits"); },
    setAnonymousId: function (to) { return keep("ajs_anonymous_id", to || id()); },
    reset: function () {
      ["user_id", "user_traits", "group_id", "group_properties", "anonymous_id"].forEach(function (field) {
        keep("ajs_" + field, null);
      });
      return analytics;
    },
    ready: function (then) { if (typeof then === "function") setTimeout(then, 0); return analytics; },
    trackLink: watched("click"), trackClick: watched("click"), trackForm: watched("submit"), trackSubmit: watched("submit"),
    push: function (args) { return run(args); }
  };
  ["debug", "on", "once", "off", "timeout", "register", "addSourceMiddleware", "addIntegrationMiddleware",
    "addDestinationMiddleware", "load"].forEach(function (none) { analytics[none] = nothing; });

  function run(args) {
    var list = [].slice.call(args), method = list.shift();
    if (typeof analytics[method] === "function") analytics[method].apply(analytics, list);
  }
  window[name] = analytics;
  // Who somebody is comes first, whatever the order in which the page said it.
  var calls = [].slice.call(queued);
  calls.filter(function (one) { return one[0] === "setAnonymousId"; }).forEach(run);
  calls.filter(function (one) { return one[0] !== "setAnonymousId"; }).forEach(run);
})(__KEY__, __BASE__);
