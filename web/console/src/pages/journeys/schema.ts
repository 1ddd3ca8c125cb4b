/** JSON Schema as the server describes steps and triggers, and what forms need to know of it. Pure. */

export interface Schema {
  $ref?: string; type?: string | string[]; enum?: unknown[]; anyOf?: Schema[]; items?: Schema; default?: unknown;
  properties?: Record<string, Schema>; additionalProperties?: Schema | boolean; required?: string[];
  title?: string; description?: string; discriminator?: { propertyName: string; mapping: Record<string, string> };
}
export interface Kind { tag: string; title: string; schema: string; description?: string }
/** Every part of a journey by name, and the kinds of steps and triggers with the name of their part. */
export interface Definitions { $defs: Record<string, Schema>; steps: Kind[]; triggers: Kind[] }

/** What a field takes, as far as a form is concerned. */
export type Shape =
  | { is: 'text'; optional: boolean }
  | { is: 'condition'; optional: boolean }
  | { is: 'choice'; of: string[]; optional: boolean }
  | { is: 'number'; optional: boolean }
  | { is: 'boolean' }
  | { is: 'names'; one: boolean; optional: boolean }
  | { is: 'choices'; of: string[]; optional: boolean }
  | { is: 'parts'; part: Schema }
  | { is: 'part'; part: Schema; optional: boolean }
  | { is: 'either'; of: string[]; part: Schema }
  | { is: 'map'; part: Schema }
  | { is: 'texts' }
  | { is: 'free' };

export function resolved(schema: Schema, defs: Record<string, Schema>): Schema {
  return schema.$ref === undefined ? schema : (defs[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {});
}

/** What a field of this schema takes. */
export function shape(given: Schema, defs: Record<string, Schema>): Shape {
  const options = given.anyOf ?? [given];
  const held = options.filter((one) => one.type !== 'null');
  const optional = held.length < options.length || given.default !== undefined;
  const refs = held.filter((one) => one.$ref !== undefined);
  if (refs.some((one) => one.$ref?.endsWith('/Group'))) return { is: 'condition', optional };
  const [first, second] = held;
  if (first === undefined) return { is: 'free' };
  if (held.length === 2 && first.enum !== undefined && second?.$ref !== undefined) {
    return { is: 'either', of: first.enum.map(String), part: resolved(second, defs) };
  }
  if (held.length === 2 && held.some((one) => one.type === 'array') && held.some((one) => one.type === 'string')) return { is: 'names', one: true, optional };
  if (held.length > 1) return { is: 'text', optional };
  const one = resolved(first, defs);
  if (one.enum !== undefined) return { is: 'choice', of: one.enum.map(String), optional };
  switch (one.type) {
    case 'string': return { is: 'text', optional };
    case 'number': case 'integer': return { is: 'number', optional };
    case 'boolean': return { is: 'boolean' };
    case 'array': {
      const item = resolved(one.items ?? {}, defs);
      if (item.enum !== undefined) return { is: 'choices', of: item.enum.map(String), optional };
      if (item.type === 'string') return { is: 'names', one: false, optional };
      return item.properties === undefined ? { is: 'free' } : { is: 'parts', part: item };
    }
    case 'object': {
      if (one.properties !== undefined) return { is: 'part', part: one, optional };
      const each = typeof one.additionalProperties === 'object' ? resolved(one.additionalProperties, defs) : undefined;
      if (each?.properties !== undefined) return { is: 'map', part: each };
      return each?.type === 'string' ? { is: 'texts' } : { is: 'free' };
    }
    default: return { is: 'free' };
  }
}

/** Fields that people fill in first, by kind of step or trigger; the others are folded away until they hold something. */
export const FIRST: Record<string, string[]> = {
  message: ['template', 'on'], branch: ['paths', 'else'], split: ['paths'], exit: ['reason'], goal: ['goal', 'value'],
  task: ['task', 'reason', 'evidence', 'on', 'within'], update_trait: ['set'], start_journey: ['journey'], playbook: ['playbook', 'reason'],
  webhook: ['channel', 'url', 'template', 'on'], intervention: ['recovered', 'message', 'in_app', 'human'],
};

/** The forms of waiting: what is asked for in each, and what it begins with. */
export const WAITS: Record<string, { fields: string[]; begin: Record<string, unknown> }> = {
  for: { fields: ['for', 'at', 'days'], begin: { for: '1d' } },
  at: { fields: ['at', 'days'], begin: { at: '09:00' } },
  until: { fields: ['paths', 'timeout'], begin: { paths: [{ event: '' }], timeout: '3d' } },
  session: { fields: ['session', 'timeout', 'paths'], begin: { session: true, timeout: '7d' } },
  date: { fields: ['date'], begin: { date: { date: '' } } },
  windows: { fields: ['windows'], begin: { windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' }] } },
  forever: { fields: ['forever'], begin: { forever: true } },
};

/** Which form of waiting a step is. */
export function waiting(step: Record<string, unknown>): string {
  if (step.forever === true) return 'forever';
  if (step.session === true) return 'session';
  if (step.date !== undefined && step.date !== null) return 'date';
  if (Array.isArray(step.paths) && step.paths.length > 0) return 'until';
  if (typeof step.for === 'string') return 'for';
  if (typeof step.at === 'string') return 'at';
  return Array.isArray(step.windows) && step.windows.length > 0 ? 'windows' : 'for';
}
