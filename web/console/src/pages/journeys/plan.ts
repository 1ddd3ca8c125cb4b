/** The plan of a journey as the workspace's YAML has it, and the ways that lead from step to step. Pure.
 *
 * A run goes through the steps in written order unless a step says otherwise. An editor moves steps about, so here
 * every change is made with all ways written out (`spelled`), and what the order says anyway is left out again after it
 * (`plain`): a change of the picture changes nothing that nobody touched.
 */

export const EXIT = 'exit';

/** Something a plan holds, by the names of its fields. */
export type Fields = Record<string, unknown>;
export interface Step extends Fields { kind: string; title?: string; description?: string; next?: string | null }
export interface Plan extends Fields {
  title?: string;
  of?: string;
  triggers: Fields[];
  exits?: Fields[];
  goals?: Record<string, Fields>;
  steps: Record<string, Step>;
}

/** A way out of a step. `field` says where in the step it stands, `label` what it is called; a `fixed` way always names
 * its target, others go to the step after when nothing is written. */
export interface Way {
  field: string;
  label: Label;
  to: string;
  fixed: boolean;
}

/** A word with its values: shown by the page's texts. */
export interface Label { word: string; values?: Record<string, string> }

const said = (text: string): Label => ({ word: 'said', values: { text } });
const list = (value: unknown): Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);
const mapping = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : Array.isArray(value) ? value.map(text).join(', ') : '');

/** A condition in one line: an expression is itself, a group is written out as one that means the same. */
export function conditionText(value: unknown): string {
  if (typeof value === 'string') return value;
  const group = mapping(value);
  const joined = (parts: unknown[], word: string) =>
    parts.map(conditionText).map((part) => (parts.length > 1 && / (and|or) /.test(part) ? `(${part})` : part)).join(word);
  if (Array.isArray(group.all)) return joined(group.all, ' and ');
  if (Array.isArray(group.any)) return joined(group.any, ' or ');
  if (group.not !== undefined && group.not !== null) return `not (${conditionText(group.not)})`;
  return '';
}

/** An event or a condition in words. */
export function heardText(value: Fields): string {
  const event = text(value.event);
  const where = conditionText(value.where);
  if (event !== '') return where === '' ? event : `${event} (${where})`;
  return conditionText(value.when);
}

/** The raw ways out of a step: field, label, what is written there (undefined: the step after). */
function written(step: Step): { field: string; label: Label; to: string | undefined; fixed: boolean }[] {
  const found: { field: string; label: Label; to: string | undefined; fixed: boolean }[] = [];
  const add = (field: string, label: Label, to: unknown, fixed = false): void => {
    found.push({ field, label, to: typeof to === 'string' ? to : undefined, fixed });
  };
  const paths = list(step.paths);
  switch (step.kind) {
    case 'exit':
      return [];
    case 'branch':
      paths.forEach((path, place) => add(`paths.${place}.go`, said(text(path.name) || conditionText(path.when)), path.go, true));
      add('else', { word: 'else' }, step.else ?? step.next);
      return found;
    case 'split':
      for (const [name, path] of Object.entries(mapping(step.paths))) {
        const held = mapping(path);
        add(`paths.${name}.go`, { word: 'share', values: { name, share: String(held.share ?? 0) } }, held.go ?? step.next);
      }
      return found;
    case 'wait':
      paths.forEach((path, place) => add(`paths.${place}.go`, said(text(path.name) || heardText(path)), path.go ?? step.next));
      if (step.session === true) add('next', { word: 'session' }, step.next);
      else if (paths.length === 0 && step.forever !== true) add('next', { word: 'next' }, step.next);
      if (typeof step.timeout === 'string') add('on_timeout', { word: 'timeout', values: { time: step.timeout } }, step.on_timeout ?? step.next);
      {
        const past = mapping(step.date).past;
        if (typeof past === 'string' && past !== 'skip' && past !== EXIT) add('date.past', { word: 'past' }, past, true);
      }
      return found;
    case 'intervention':
      add('saved', { word: 'saved' }, step.saved ?? step.next);
      add('lost', { word: 'lost' }, step.lost ?? step.next);
      return found;
    default:
      for (const [outcome, to] of Object.entries(mapping(step.on))) add(`on.${outcome}`, { word: 'outcome', values: { outcome } }, to, true);
      add('next', { word: found.length > 0 ? 'otherwise' : 'next' }, step.next);
      return found;
  }
}

/** The ways out of a step of a plan, each with the step it leads to. */
export function ways(plan: Plan, id: string): Way[] {
  const step = plan.steps[id];
  if (step === undefined) return [];
  const ids = Object.keys(plan.steps);
  const after = ids[ids.indexOf(id) + 1] ?? EXIT;
  return written(step).map(({ field, label, to, fixed }) => ({ field, label, to: to ?? after, fixed }));
}

/** A copy of something with the value at a dotted path set, or taken out where it is undefined. */
export function withField<T extends Fields>(held: T, path: string, value: unknown): T {
  const [first, ...rest] = path.split('.') as [string, ...string[]];
  if (Array.isArray(held)) {
    const copied = [...(held as unknown[])];
    const place = Number(first);
    if (rest.length > 0) copied[place] = withField((copied[place] ?? {}) as Fields, rest.join('.'), value);
    else if (value === undefined) copied.splice(place, 1);
    else copied[place] = value;
    return copied as unknown as T;
  }
  const copied: Fields = { ...held };
  if (rest.length > 0) {
    copied[first] = withField((copied[first] ?? {}) as Fields, rest.join('.'), value);
  } else if (value === undefined) delete copied[first];
  else copied[first] = value;
  return copied as T;
}

/** A step with a way leading elsewhere. */
function lead(step: Step, field: string, to: string): Step {
  return withField(step, field, to);
}

/** The plan with each way written out. */
function spelled(plan: Plan): Plan {
  const steps: Record<string, Step> = {};
  for (const id of Object.keys(plan.steps)) {
    let step = plan.steps[id] as Step;
    const leading = ways(plan, id);
    for (const way of leading) step = lead(step, way.field, way.to);
    if (!leading.some((way) => way.field === 'next')) step = withField(step, 'next', undefined);
    steps[id] = step;
  }
  return { ...plan, steps };
}

/** The plan without ways that its order says anyway. */
function plain(plan: Plan): Plan {
  const ids = Object.keys(plan.steps);
  const steps: Record<string, Step> = {};
  ids.forEach((id, place) => {
    const after = ids[place + 1] ?? EXIT;
    let step = plan.steps[id] as Step;
    for (const way of ways(plan, id)) if (!way.fixed && way.to === after) step = withField(step, way.field, undefined);
    steps[id] = step;
  });
  return { ...plan, steps };
}

/** A new id of the kind that no step has: `wait`, `wait_2`, ... */
export function freshId(plan: Plan, base: string): string {
  if (!(base in plan.steps) && base !== EXIT) return base;
  for (let place = 2; ; place += 1) if (!(`${base}_${place}` in plan.steps)) return `${base}_${place}`;
}

/** Where something new is put: on these ways of a step, or before the first step. */
export interface Spot { from: string | null; fields: string[] }

/** Puts a step in: on ways of another, or at the beginning. Its own ways lead to where those led. */
export function insert(plan: Plan, spot: Spot, id: string, step: Step): Plan {
  const whole = spelled(plan);
  const ids = Object.keys(whole.steps);
  const from = spot.from;
  const onward = from === null ? (ids[0] ?? EXIT) : (ways(plan, from).find((way) => spot.fields.includes(way.field))?.to ?? EXIT);
  const steps: Record<string, Step> = {};
  if (from === null) steps[id] = step;
  for (const each of ids) {
    let held = whole.steps[each] as Step;
    if (each === from) for (const field of spot.fields) held = lead(held, field, id);
    steps[each] = held;
    if (each === from) steps[id] = step;
  }
  const made: Plan = { ...whole, steps };
  // Its ways led nowhere in particular yet: all of them go on.
  let fresh = step;
  for (const way of ways(made, id)) if (!way.fixed || !(way.to in steps)) fresh = lead(fresh, way.field, onward);
  steps[id] = fresh;
  return plain(made);
}

/** Adds a step after all others, led to from nowhere yet unless the plan was empty. */
export function append(plan: Plan, id: string, step: Step): Plan {
  const whole = spelled(plan);
  return plain(insertedLast(whole, id, step));
}

function insertedLast(whole: Plan, id: string, step: Step): Plan {
  const made: Plan = { ...whole, steps: { ...whole.steps, [id]: step } };
  let fresh = step;
  for (const way of ways(made, id)) fresh = lead(fresh, way.field, EXIT);
  made.steps[id] = fresh;
  return made;
}

/** Leads a way of a step to another. */
export function connect(plan: Plan, from: string, fields: string[], to: string): Plan {
  const whole = spelled(plan);
  let step = whole.steps[from];
  if (step === undefined) return plan;
  for (const field of fields) step = lead(step, field, to);
  return plain({ ...whole, steps: { ...whole.steps, [from]: step } });
}

/** Takes a step out; whatever led to it goes on to where its first way led. */
export function remove(plan: Plan, id: string): Plan {
  const whole = spelled(plan);
  const own = ways(plan, id);
  // The main way on: `next`, else, the last; never back to itself.
  const onward = [...own].reverse().map((way) => way.to).find((to) => to !== id) ?? EXIT;
  const steps: Record<string, Step> = {};
  for (const each of Object.keys(whole.steps)) {
    if (each === id) continue;
    let step = whole.steps[each] as Step;
    for (const way of ways(whole, each)) if (way.to === id) step = lead(step, way.field, onward);
    steps[each] = step;
  }
  // The first step is where runs begin: who began at this one begins at what came after it.
  const first = Object.keys(whole.steps)[0];
  if (first === id && onward in steps) return plain({ ...whole, steps: { [onward]: steps[onward] as Step, ...without(steps, onward) } });
  return plain({ ...whole, steps });
}

function without(steps: Record<string, Step>, id: string): Record<string, Step> {
  return Object.fromEntries(Object.entries(steps).filter(([each]) => each !== id));
}

/** A copy of a step right behind it, on its way on. */
export function duplicate(plan: Plan, id: string): { plan: Plan; id: string } {
  const step = plan.steps[id];
  if (step === undefined) return { plan, id };
  const made = freshId(plan, id.replace(/_\d+$/, ''));
  const whole = spelled(plan);
  const steps: Record<string, Step> = {};
  for (const each of Object.keys(whole.steps)) {
    steps[each] = whole.steps[each] as Step;
    if (each === id) steps[made] = structuredClone(whole.steps[each] as Step);
  }
  const on = ways(whole, id).find((way) => way.field === 'next' || way.field === 'else' || way.field === 'on_timeout');
  if (on !== undefined) steps[id] = lead(steps[id] as Step, on.field, made);
  return { plan: plain({ ...whole, steps }), id: made };
}

/** A step under another id; all ways follow. */
export function rename(plan: Plan, id: string, to: string): Plan {
  if (id === to || to === '' || to in plan.steps || to === EXIT) return plan;
  const whole = spelled(plan);
  const steps: Record<string, Step> = {};
  for (const each of Object.keys(whole.steps)) {
    let step = whole.steps[each] as Step;
    for (const way of ways(whole, each)) if (way.to === id) step = lead(step, way.field, to);
    steps[each === id ? to : each] = step;
  }
  return plain({ ...whole, steps });
}

/** A step whose fields were written anew; its ways stay unless the fields say otherwise. */
export function configured(plan: Plan, id: string, step: Step): Plan {
  return { ...plan, steps: { ...plan.steps, [id]: step } };
}

/** What a step of a kind holds before anybody has said more. */
export function fresh(kind: string): Step {
  switch (kind) {
    case 'wait': return { kind, for: '1d' };
    case 'branch': return { kind, paths: [{ when: '', go: EXIT }] };
    case 'split': return { kind, paths: { a: { share: 50 }, b: { share: 50 } } };
    case 'message': return { kind, template: '' };
    case 'task': return { kind, task: '' };
    case 'goal': return { kind, goal: '' };
    case 'start_journey': return { kind, journey: '' };
    case 'playbook': return { kind, playbook: '' };
    case 'update_trait': return { kind, set: {} };
    case 'intervention': return { kind, recovered: '', message: { template: '' } };
    default: return { kind };
  }
}

/** A step in one line. */
export function summary(step: Step): Label {
  const paths = list(step.paths);
  switch (step.kind) {
    case 'message': return { word: 'message', values: { template: text(step.template) || '…' } };
    case 'wait': {
      if (step.forever === true) return { word: 'wait_forever' };
      if (step.session === true) return { word: 'wait_session' };
      const date = mapping(step.date);
      if (text(date.date) !== '') return { word: 'wait_date', values: { date: text(date.date), offset: text(date.offset) || '0d' } };
      if (paths.length > 0) {
        const what = paths.map((path) => text(path.name) || heardText(path)).join(' / ');
        const time = text(step.timeout);
        return time === '' ? { word: 'wait_until', values: { what } } : { word: 'wait_or', values: { what, time } };
      }
      const days = text(step.days);
      const at = text(step.at);
      const time = text(step.for);
      if (time !== '' && at !== '') return { word: 'wait_for_at', values: { time, at: days === '' ? at : `${at} (${days})` } };
      if (time !== '') return { word: 'wait_for', values: { time } };
      return at === '' ? { word: 'wait_window' } : { word: 'wait_at', values: { at } };
    }
    case 'branch': return paths.length === 1
      ? { word: 'branch_one', values: { when: conditionText(paths[0]?.when) || '…' } }
      : { word: 'branch', values: { paths: paths.map((path) => text(path.name) || conditionText(path.when)).join(' / ') } };
    case 'split': return said(Object.entries(mapping(step.paths)).map(([name, path]) => `${name} ${mapping(path).share ?? 0} %`).join(' · '));
    case 'update_trait': return said(Object.entries(mapping(step.set)).map(([name, value]) => `${name} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(', ') || '…');
    case 'task': return { word: 'task', values: { task: text(step.task) || '…' } };
    case 'goal': return { word: 'goal', values: { goal: text(step.goal) || '…' } };
    case 'start_journey': return { word: 'start_journey', values: { journey: text(step.journey) || '…' } };
    case 'playbook': return { word: 'playbook', values: { playbook: text(step.playbook) || '…' } };
    case 'webhook': return said(text(step.channel) || text(step.url) || '…');
    case 'intervention': return { word: 'intervention', values: { recovered: conditionText(step.recovered) || '…' } };
    case 'exit': return { word: 'exit', values: { reason: text(step.reason) } };
    default: return said(step.kind);
  }
}

/** A trigger in one line. */
export function triggerText(trigger: Fields): Label {
  const where = conditionText(trigger.where);
  const more = where === '' ? '' : ` (${where})`;
  switch (trigger.kind) {
    case 'event': return { word: 'on_event', values: { event: text(trigger.event) + more } };
    case 'segment': return { word: trigger.change === 'left' ? 'on_segment_left' : 'on_segment', values: { segment: text(trigger.segment) } };
    case 'stage': return { word: trigger.change === 'left' ? 'on_stage_left' : 'on_stage', values: { stage: text(trigger.stage), lifecycle: text(trigger.lifecycle) } };
    case 'condition': return { word: 'on_condition', values: { when: conditionText(trigger.when) } };
    case 'score': return typeof trigger.below === 'number'
      ? { word: 'on_score_below', values: { score: text(trigger.score), bound: String(trigger.below) } }
      : { word: 'on_score_above', values: { score: text(trigger.score), bound: String(trigger.above ?? '') } };
    case 'trait': return { word: 'on_trait', values: { trait: text(trigger.trait) } };
    case 'date': return { word: 'on_date', values: { date: text(trigger.date), offset: text(trigger.offset) || '0d' } };
    case 'schedule': return { word: 'on_schedule', values: { rrule: text(trigger.rrule) } };
    case 'business': return { word: 'on_business', values: { event: text(trigger.event) + more } };
    default: return { word: 'on_api' };
  }
}

/** A journey that nobody has written yet. */
export function empty(title: string): Plan {
  return { title, triggers: [], steps: {} };
}

/** The plan as it is sent and kept: without empty parts that say nothing. */
export function tidy(plan: Plan): Plan {
  const drop = (value: unknown): boolean => value === '' || value === null || value === undefined;
  const found = Object.entries(plan).filter(([key, value]) => key === 'steps' || key === 'triggers' || !drop(value));
  return Object.fromEntries(found) as Plan;
}
