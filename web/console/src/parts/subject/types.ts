/** What the API says of people and accounts. */
export interface Subject {
  id: string;
  of: 'person' | 'account';
  identifiers: Record<string, string[]>;
  stages: Record<string, string | null>;
  bands: Record<string, string | null>;
  name?: string | null;
}

export interface Contribution {
  value: number | null;
  weight: number;
  product: number | null;
}

export interface Score {
  value: number | null;
  band: string | null;
  coverage: number;
  numerator: number;
  denominator: number;
  weights: Record<string, string>;
  contributions: Record<string, Contribution>;
  overrides: unknown[];
  velocity: 'up' | 'down' | 'flat' | null;
}

export interface Profile extends Subject {
  time: number;
  traits: Record<string, unknown>;
  signals: Record<string, unknown>;
  segments: string[];
  scores: Record<string, Score>;
  predictions?: Record<string, { value: number | null; as_of: number | null; version: string | number | null }>;
  pending: string[];
  accounts?: { id: string; key: string; role: string | null }[] | null;
  members?: number | null;
}

export interface Moment {
  number: number;
  time: number;
  kind: string;
  of: string;
  subject: string;
  name: string;
  data: Record<string, unknown>;
  text: string | null;
  why: string | null;
}

export interface Message {
  number: number;
  effect: string;
  decision: string;
  time: number;
  journey: string;
  template: string | null;
  channel: string | null;
  reason: string | null;
  status: string;
  status_time: number;
}

export interface Run {
  id: string;
  journey: string;
  version: number | null;
  trigger: string | null;
  ghost: string | null;
  started: number;
  step: string | null;
  until: number | null;
  ended: number | null;
  reason: string | null;
}

/** How one calls somebody: a name, else an address, else an identifier. */
export function called(one: { id: string; name?: string | null; identifiers: Record<string, string[]>; traits?: Record<string, unknown> }): string {
  const trait = (name: string) => (typeof one.traits?.[name] === 'string' ? (one.traits[name] as string) : undefined);
  const held = one.identifiers;
  return one.name ?? trait('name') ?? trait('email') ?? held.email?.[0] ?? held.user_id?.[0] ?? held.account_id?.[0] ?? Object.values(held)[0]?.[0] ?? one.id;
}

export function where(one: { id: string; of: string }): string {
  return `/${one.of === 'account' ? 'accounts' : 'people'}/${one.id}`;
}

/** The plural that stands in addresses of the API. */
export function plural(of: string): string {
  return of === 'account' ? 'accounts' : 'people';
}
