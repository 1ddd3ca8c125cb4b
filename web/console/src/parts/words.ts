import type { TFunction } from 'i18next';
import i18next from 'i18next';

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000_000], ['month', 2_592_000_000], ['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000],
];

/** The name of an object of the workspace as words: `churn_risk` is `Churn risk`. */
export function words(name: string): string {
  const said = name.replaceAll('_', ' ').replaceAll('.', ': ');
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** A time against another, as `3 days ago`. */
export function relative(time: number, now: number = Date.now()): string {
  const apart = time - now;
  const [unit, size] = UNITS.find(([, held]) => Math.abs(apart) >= held) ?? ['second', 1_000];
  return new Intl.RelativeTimeFormat(i18next.language, { numeric: 'auto' }).format(Math.trunc(apart / size), unit);
}

/** A time to the minute, in the reader's own zone. */
export function exact(time: number): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

export function day(time: number): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: 'medium' }).format(time);
}

/** A duration by its largest unit: `14 days`. */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, held]) => Math.abs(ms) >= held) ?? ['second', 1_000];
  return new Intl.NumberFormat(i18next.language, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: unit === 'year' ? 1 : 0 }).format(ms / size);
}

export function count(value: number, digits = 0): string {
  return new Intl.NumberFormat(i18next.language, { maximumFractionDigits: digits }).format(value);
}

export function percent(share: number, digits = 0): string {
  return new Intl.NumberFormat(i18next.language, { style: 'percent', maximumFractionDigits: digits }).format(share);
}

/** Names of measures that are durations in milliseconds. */
const LASTS = /^(trait\.)?(account_)?(since|until)_/;

/** A value of a signal, trait or property as text. */
export function value(held: unknown, t: TFunction, name = ''): string {
  if (held === null || held === undefined || held === '') return t('common:parts.unknown');
  if (typeof held === 'boolean') return t(held ? 'common:parts.yes' : 'common:parts.no');
  if (typeof held === 'number') return LASTS.test(name) ? duration(held) : count(held, 3);
  if (Array.isArray(held)) return held.length === 0 ? t('common:parts.none') : held.map((one) => value(one, t)).join(', ');
  if (typeof held === 'object') return JSON.stringify(held);
  return String(held);
}
