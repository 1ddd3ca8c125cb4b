// What is happening, as it happens: the live stream of the API as a list, and how many stand in each stage.
"use strict";
const KINDS = ["stage", "message", "held", "task", "outcome"];
const KEPT = 120;
const $ = (id) => document.getElementById(id);
const sums = new Map();

function key() {
  const found = new URLSearchParams(location.hash.slice(1)).get("key");
  if (found) {
    sessionStorage.setItem("key", found);
    // The key does not stay in the address bar.
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("key");
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function said(effect) {
  const data = effect.data;
  if (effect.kind === "stage") return `${effect.of} ${effect.subject.slice(0, 8)}: ${effect.name} ${data.from || "new"} → ${data.to || "gone"}`;
  if (effect.kind === "message") return `${data.template} by ${data.channel}, journey ${effect.name}`;
  if (effect.kind === "held") return `${data.template} is held: ${data.reason}`;
  if (effect.kind === "outcome") return `${data.outcome}${data.reason ? " (" + data.reason + ")" : ""}, journey ${effect.name}`;
  return `${effect.name} for ${data.owner || "a colleague"}`;
}

function show(effect) {
  // That a sender has taken something up is news for nobody.
  if (effect.kind === "outcome" && effect.data.outcome === "claimed") return;
  const line = document.createElement("li");
  const at = element("time", new Date(effect.time).toISOString().slice(0, 19).replace("T", " "));
  line.append(at, element("b", effect.kind, effect.kind), element("span", said(effect)));
  const feed = $("feed");
  feed.prepend(line);
  while (feed.children.length > KEPT) feed.lastChild.remove();
  const name = effect.kind === "outcome" ? effect.data.outcome : effect.kind;
  sums.set(name, (sums.get(name) || 0) + 1);
}

function total() {
  $("sums").replaceChildren(...[...sums].sort().flatMap(([name, count]) => [element("dt", name), element("dd", count.toLocaleString())]));
}

async function ask(path, more) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${key()}` }, ...more });
  if (answer.status === 401 || answer.status === 403) throw new TypeError("the key is not accepted");
  if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
  return answer;
}

async function stages() {
  const found = await (await ask("/api/lifecycles")).json();
  const parts = [];
  for (const lifecycle of found) {
    const counts = lifecycle.stages.map((one) => [one.name, one.count]);
    const most = Math.max(1, ...counts.map(([, count]) => count));
    parts.push(element("h3", `${lifecycle.name} (${lifecycle.of})`));
    for (const [stage, count] of counts) {
      const bar = element("div", "", "bar");
      const meter = document.createElement("meter");
      meter.max = most;
      meter.value = count;
      meter.setAttribute("aria-label", stage);
      bar.append(element("span", stage), meter, element("span", count.toLocaleString()));
      parts.push(bar);
    }
  }
  $("stages").replaceChildren(...parts);
}

async function watch() {
  const answer = await ask("/api/stream?" + KINDS.map((kind) => "kind=" + kind).join("&"));
  $("state").textContent = "Watching";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split("\n\n");
    held = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) show(JSON.parse(data.slice(6)));
    }
    total();
  }
}

async function live() {
  for (;;) {
    if (!key()) {
      $("door").hidden = false;
      $("state").textContent = "Give an API key (scope read) to watch";
      return;
    }
    try {
      await stages();
      await watch();
    } catch (error) {
      $("state").textContent = error.message;
      if (error instanceof TypeError && error.message.includes("key")) {
        sessionStorage.removeItem("key");
        continue;
      }
    }
    await new Promise((done) => setTimeout(done, 2000));
  }
}

$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", $("key").value.trim());
  $("door").hidden = true;
  live();
});
setInterval(() => key() && stages().catch(() => {}), 2000);
live();
