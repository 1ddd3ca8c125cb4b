// Surveys (NPS, CSAT, CES, use case, any other) and forms: what is answered becomes an event.
import { finish, report } from "./desk.js";
import { identify, track } from "./events.js";
import { flush } from "./queue.js";
import { modal, panel, said } from "./kinds.js";
import { announce, el, word } from "./view.js";

/** Scales: lowest, highest, event, and the words for its ends. */
const SCALES = {
  nps: [0, 10, "NPS Answered", 0],
  csat: [1, 5, "CSAT Answered", 1],
  ces: [1, 7, "CES Answered", 2],
};
/** Fields that say who somebody is, and so are traits and no properties. */
const TRAITS = ["email", "phone", "name", "first_name", "last_name", "company", "title"];

const shell = (lease, ...given) => (lease.payload.display === "modal" ? modal(lease, ...given) : panel(lease, ...given));

/** An answer is said once, thanked for, and ends the message. */
function answered(lease, form, event, properties, traits) {
  if (traits && Object.keys(traits).length) identify(traits);
  track(event, { ...lease.payload.properties, survey: lease.payload.name, message_id: lease.id, template: lease.template, journey: lease.journey, ...properties });
  report(lease, "In-App Answered", "clicked");
  flush();
  const thanks = lease.payload.thanks || word(lease, "thanks");
  form.replaceChildren(el("h2", { tabindex: -1 }, thanks));
  form.firstChild.focus();
  announce(thanks);
  setTimeout(finish, 3000, lease);
}

const pick = (kind, name, value, label) =>
  el("label", {}, el("input", { type: kind, name, value }), el("span", {}, label));

function survey(lease) {
  const { payload, kind, title, body } = lease;
  const scale = SCALES[kind];
  const asked = [];
  if (scale) {
    const [low, high, , words] = scale;
    for (let score = low; score <= high; score++) asked.push(pick("radio", "answer", score, score));
  } else {
    for (const choice of payload.choices || [])
      asked.push(pick(payload.multiple ? "checkbox" : "radio", "answer", choice.value ?? choice, choice.label ?? choice));
    if (payload.other) asked.push(pick("radio", "answer", "other", word(lease, "other")));
  }
  const comment = el("textarea", { name: "comment", rows: 3, maxlength: 2000 });
  const wanted = payload.comment !== false && (scale || payload.other || payload.comment);
  const more = el(
    "div",
    { hidden: true },
    wanted && el("label", { class: "field" }, payload.comment || word(lease, "comment"), comment),
    el("button", { class: "b main" }, word(lease, "send"))
  );
  let over = false;
  const answers = () => [...new FormData(form).getAll("answer")];
  const tellAnswer = () => {
    const values = answers();
    if (over || !values.length) return false;
    over = true;
    const text = comment.value.trim() || undefined;
    if (scale) answered(lease, form, scale[2], { score: +values[0], comment: text });
    else {
      const property = kind === "use_case" ? "use_case" : "answer";
      const value = payload.multiple ? values : values[0];
      const trait = payload.trait || (kind === "use_case" && "use_case");
      const event = payload.event || (kind === "use_case" ? "Use Case Answered" : "Survey Answered");
      answered(lease, form, event, { [property]: value, comment: text }, trait && { [trait]: value });
    }
    return true;
  };
  const form = el(
    "form",
    {
      change: () => (more.hidden = false),
      submit: (event) => {
        event.preventDefault();
        tellAnswer();
      },
    },
    el(
      "fieldset",
      {},
      el("legend", {}, title || body),
      title && body && el("p", {}, body),
      el("div", { class: scale ? "scale" : "choice" }, asked),
      scale && el("div", { class: "ends muted" }, el("span", {}, payload.low || word(lease, "low" + scale[3])), el("span", {}, payload.high || word(lease, "high" + scale[3])))
    ),
    more
  );
  // Whoever chose and closed has answered all the same; Escape takes it back.
  const dismiss = (event) => (event?.type !== "click" || !tellAnswer()) && finish(lease, true);
  return shell(lease, [form], "panel", dismiss);
}

function field(lease, { name, label, type = "text", required, options, placeholder }) {
  const shared = { name, required, autocomplete: type === "email" || type === "tel" ? type : undefined };
  const id = { class: "field" + (type === "checkbox" ? " tick" : "") };
  if (type === "select")
    return el("label", id, label, el("select", shared, options.map((one) => el("option", { value: one.value ?? one }, one.label ?? one))));
  if (type === "textarea") return el("label", id, label, el("textarea", { ...shared, rows: 3, maxlength: 2000 }));
  const input = el("input", { ...shared, type, placeholder, maxlength: type === "checkbox" ? undefined : 500 });
  return type === "checkbox" ? el("label", id, input, el("span", {}, label)) : el("label", id, label, input);
}

function form(lease) {
  const { payload } = lease;
  const made = el(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        const traits = {};
        const properties = { form: payload.name };
        for (const one of payload.fields) {
          const input = made.elements[one.name];
          const value = one.type === "checkbox" ? input.checked : input.value.trim();
          if (value === "") continue;
          if (one.trait || TRAITS.includes(one.name)) traits[one.trait || one.name] = value;
          else properties[one.name] = value;
        }
        answered(lease, made, payload.event || "Form Submitted", properties, traits);
      },
    },
    said(lease),
    payload.fields.map((one) => field(lease, one)),
    el("button", { class: "b main" }, payload.submit || word(lease, "send"))
  );
  return shell(lease, [made], "panel");
}

export const askings = { nps: survey, csat: survey, ces: survey, use_case: survey, survey, form };
