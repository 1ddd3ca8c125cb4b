// Drawing without markup: elements are made one by one, in a shadow root with a constructed style sheet, so that a strict
// Content-Security-Policy (and Trusted Types) has nothing to forbid, and the page's styles and ours do not meet.
import { settings } from "./base.js";

const CSS = `
:host{all:initial;--a:var(--sevenfold-accent,#4338ca);--at:var(--sevenfold-accent-text,#fff);--b:var(--sevenfold-background,#fff);--t:var(--sevenfold-text,#1f2430);--r:var(--sevenfold-radius,12px);--l:color-mix(in srgb,var(--t) 18%,transparent);position:fixed;z-index:2147483000;font:16px/1.5 var(--sevenfold-font,system-ui,sans-serif);color:var(--t)}
*{box-sizing:border-box;font:inherit}
[hidden]{display:none!important}
.box{background:var(--b);color:var(--t);border:1px solid var(--l);border-radius:var(--r);box-shadow:0 12px 40px #0f172a38;padding:20px 24px 16px;position:fixed;width:min(400px,calc(100vw - 24px));max-height:calc(100dvh - 24px);overflow:auto;text-align:start;margin:0}
.modal{inset:0;margin:auto;width:min(480px,calc(100vw - 24px));height:fit-content}
.modal.wide{width:min(800px,calc(100vw - 24px))}
.modal::backdrop{background:#0f172a8c}
.panel,.list{inset-block-end:16px;inset-inline-end:16px}
.bar{inset:auto 0 0;width:auto;border-radius:0;padding-block:14px;padding-inline:20px 56px;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center}
.bar.top{inset:0 0 auto}
.bar>*{margin:0!important}
.bar h2{font-size:16px}
.bar .row{margin-inline-start:auto!important}
.tip{width:min(340px,calc(100vw - 24px))}
.ring{position:fixed;pointer-events:none;border-radius:8px;outline:3px solid var(--a);outline-offset:3px}
h2,legend{font-weight:650;font-size:19px;line-height:1.3;padding:0;margin:0 0 6px;padding-inline-end:32px}
p,ul,ol,blockquote,pre{margin:0 0 12px}
strong,b,h3{font-weight:650}em,i{font-style:italic}code{font-family:monospace}
a{color:var(--a)}
img,video,iframe{display:block;max-width:100%;border:0;border-radius:8px;margin-block-end:12px}
video,iframe{width:100%;aspect-ratio:16/9;background:#000}
.row{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin-block:16px 6px}
.row.end{justify-content:flex-end}
.b{display:inline-block;border:1px solid var(--l);border-radius:8px;background:none;color:var(--t);min-height:44px;padding:9px 16px;cursor:pointer;text-decoration:none;text-align:center;font-weight:550}
.b:hover,label span:hover{border-color:var(--a)}
.b.main{background:var(--a);border-color:var(--a);color:var(--at)}
.b[disabled]{opacity:.6;cursor:default}
.x{position:absolute;inset-block-start:8px;inset-inline-end:8px;width:44px;height:44px;padding:0;border:0;background:none;color:inherit;opacity:.7;cursor:pointer;font-size:22px;line-height:1}
:focus-visible{outline:3px solid var(--a);outline-offset:2px}
.box:focus{outline:none}
.muted{font-size:14px;opacity:.75}
.muted:empty{display:none}
fieldset{border:0;padding:0;margin:0;min-width:0}
legend{margin-block-end:10px!important}
.scale{display:flex;gap:4px}
.scale label{flex:1 1 0;min-width:0}
.scale span,.choice span{display:block;border:1px solid var(--l);border-radius:8px;text-align:center;padding:9px 0;cursor:pointer;min-height:44px}
.choice span{text-align:start;padding:9px 14px;margin-block-end:8px}
.scale input,.choice input{position:absolute;opacity:0;pointer-events:none}
input:checked+span{background:var(--a);border-color:var(--a);color:var(--at)}
input:focus-visible+span{outline:3px solid var(--a);outline-offset:2px}
.ends{display:flex;justify-content:space-between;margin-block:6px 12px}
.field{display:block;margin-block-end:12px}
.field input:not([type=checkbox]),select,textarea{display:block;width:100%;border:1px solid color-mix(in srgb,var(--t) 45%,transparent);border-radius:8px;background:var(--b);color:var(--t);padding:9px 12px;min-height:44px}
.field.tick{display:flex;gap:10px;align-items:flex-start}
.field.tick input{width:20px;height:20px;flex:none;margin:2px 0 0;accent-color:var(--a)}
progress{display:block;width:100%;height:6px;margin:4px 0 12px;accent-color:var(--a)}
.list{inset-block:16px auto;padding-inline:0;padding-block-end:0}
.list>h2{padding-inline:24px}
.item{border:0;border-block-start:1px solid var(--l);padding:12px 24px;margin:0}
.panel .item{padding-inline:0}
summary{cursor:pointer;font-weight:600;min-height:28px}
.new summary::before{content:"";display:inline-block;width:8px;height:8px;border-radius:4px;background:var(--a);margin-inline-end:8px}
.done{text-decoration:line-through;opacity:.7}
.mark{display:inline-block;width:26px;color:var(--a);font-weight:700}
.item a,.item button{color:inherit;background:none;border:0;padding:0;text-align:start;cursor:pointer;text-decoration-color:var(--l)}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (max-width:480px){.box.panel,.box.modal{inset:auto 0 0;width:100%;max-width:100%;border-radius:var(--r) var(--r) 0 0;margin:0}.scale{flex-wrap:wrap}.scale label{flex-basis:14%}}
@media (prefers-reduced-motion:no-preference){.box{animation:in .18s ease-out}@keyframes in{from{opacity:0;transform:translateY(8px)}}}
@media (prefers-contrast:more){.box{--l:currentColor}.x,.muted{opacity:1}}
@media (forced-colors:active){.ring{outline-color:Highlight}input:checked+span{forced-color-adjust:none;background:Highlight;color:HighlightText}.new summary::before{background:Highlight;forced-color-adjust:none}}
`;

let root;
let live;

/** Where everything is drawn, at the end of the page. */
export function stage() {
  if (!root) {
    const host = el("sevenfold-messages");
    root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
    root.append((live = el("div", { class: "quiet", role: "status" })));
  }
  if (!root.host.isConnected) document.body.append(root.host);
  root.host.dir = getComputedStyle(document.documentElement).direction;
  return root;
}

/** An element; functions listen, `false` and undefined are left out, texts are texts. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value == "function") made.addEventListener(name, value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(9).filter((child) => child || child === 0));
  return made;
}

/** A link that may be followed: of the web, to write or to call. Undefined for all others. */
export function safe(link) {
  try {
    return /^(https?|mailto|tel):$/.test(new URL(link, location.href).protocol) ? link : undefined;
  } catch {
    return undefined;
  }
}

/** What the server made of a message's cleaned HTML: a text, or [tag, {attributes}, ...children]. */
export function drawn(block) {
  if (typeof block == "string") return block;
  const [tag, attributes, ...children] = block;
  return el(tag, { ...attributes, href: attributes.href && safe(attributes.href) }, children.map(drawn));
}

/** Words of the user interface; `settings.labels` and a message's own go before these. */
export const word = (lease, name) => lease.payload.labels?.[name] || settings.labels[name] || WORDS[name] || name;

const WORDS = {
  close: "Close",
  next: "Next",
  back: "Back",
  done: "Done",
  send: "Send",
  thanks: "Thank you.",
  failed: "That did not work. Please try again.",
  comment: "Would you like to say more?",
  other: "Something else",
  allow: "Allow notifications",
  later: "Not now",
  inbox: "Messages",
  empty: "There is nothing here yet.",
  of: "of",
  low0: "Not likely",
  high0: "Very likely",
  low1: "Bad",
  high1: "Good",
  low2: "Hard",
  high2: "Easy",
};

/** Says something to those who listen to the page rather than look at it. */
export function announce(text) {
  stage();
  live.textContent = text;
}

/** The element that a selector means, if it can be seen. */
export function anchorOf(selector) {
  try {
    const found = document.querySelector(selector);
    return found?.getBoundingClientRect().width ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Holds a box beside an element, wherever that moves; gives what lets go. */
export function hold(box, ring, anchor, placement) {
  let frame;
  const place = () => {
    const at = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const room = { top: at.top, bottom: innerHeight - at.bottom, left: at.left, right: innerWidth - at.right };
    const fits = (side) => room[side] >= (side === "top" || side === "bottom" ? height : width) + 20;
    const side = [placement, "bottom", "top", "right", "left"].find((one) => one && fits(one)) || "bottom";
    const across = side === "left" || side === "right";
    const x = across ? (side === "left" ? at.left - width - 12 : at.right + 12) : at.left + at.width / 2 - width / 2;
    const y = across ? at.top + at.height / 2 - height / 2 : side === "top" ? at.top - height - 12 : at.bottom + 12;
    box.style.left = Math.max(12, Math.min(x, innerWidth - width - 12)) + "px";
    box.style.top = Math.max(12, Math.min(y, innerHeight - height - 12)) + "px";
    for (const edge of ["left", "top", "width", "height"]) ring.style[edge] = at[edge] + "px";
    frame = requestAnimationFrame(place);
  };
  place();
  return () => cancelAnimationFrame(frame);
}
