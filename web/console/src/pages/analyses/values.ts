import i18next from 'i18next';

import { words } from '../../parts/words';
import type { Estimate, Plain, Row } from './data';

const number = (value: number, digits: number) => new Intl.NumberFormat(i18next.language, { maximumFractionDigits: digits }).format(value);
const SHARES = /(rate|share|drop_off|_off|ratio|churn|retention|conversion|of_all|observed|expected|stay|click)/;
const NOT_SHARES = /(days|ms|n$|count|people|runs|each|value|revenue|cost|reached|lost$|now|entries|relative_n)/;

/** A figure as people read it: rates as percentages, times in days and hours, money with its currency. */
export function figure(value: number | null, unit = '', name = ''): string {
  if (value === null) return '–';
  if (unit === 'ms') return spell(value);
  if (unit === 'days') return i18next.t('analyses:days', { count: Number(value.toFixed(1)) });
  if (/^[A-Z]{3}$/.test(unit)) return new Intl.NumberFormat(i18next.language, { style: 'currency', currency: unit, maximumFractionDigits: 0 }).format(value);
  const rate = SHARES.test(name) && !NOT_SHARES.test(name) && Math.abs(value) <= 1.5;
  if (rate) return `${number(value * 100, 1)} %`;
  return number(value, Math.abs(value) < 10 ? 3 : 1);
}

/** A stretch of time in ms, in its largest fitting unit. */
export function spell(ms: number): string {
  for (const [unit, size] of [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]] as const) {
    if (Math.abs(ms) >= size) return new Intl.NumberFormat(i18next.language, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 1 }).format(ms / size);
  }
  return new Intl.NumberFormat(i18next.language, { style: 'unit', unit: 'second', unitDisplay: 'long', maximumFractionDigits: 0 }).format(ms / 1000);
}

/** A cell of a table, by the name of its column. */
export function cell(value: Plain, column: string): string {
  if (value === null) return '–';
  if (typeof value === 'boolean') return i18next.t(value ? 'parts.yes' : 'parts.no');
  if (typeof value !== 'number') return value;
  if (column.endsWith('_ms') || column === 'ms') return spell(value);
  return figure(value, '', column.replace(/_(low|high)$/, ''));
}

/** The name of a column or figure in words; ids of objects stay as they are. */
export function title(name: string): string {
  return words(name.replaceAll(':', ': '));
}

/** Columns in the order of the first row, intervals joined to what they belong to. */
export function columnsOf(rows: readonly Row[]): string[] {
  const found = Object.keys(rows[0] ?? {});
  return found.filter((name) => !(/_(low|high)$/.test(name) && found.includes(name.replace(/_(low|high)$/, ''))));
}

/** The interval of a cell, when its row has one. */
export function interval(row: Row, column: string): [number, number] | null {
  const [low, high] = [row[`${column}_low`], row[`${column}_high`]];
  return typeof low === 'number' && typeof high === 'number' ? [low, high] : null;
}

/** Whether a figure without a unit is a rate: shown as a percentage. */
export function isRate(estimate: Estimate): boolean {
  return estimate.unit === '' && estimate.value !== null && estimate.low !== null && estimate.low >= 0 && (estimate.high ?? 2) <= 1 && estimate.value <= 1;
}

/** An estimate's value and bounds as text. */
export function shown(estimate: Estimate, value: number | null): string {
  return figure(value, estimate.unit, isRate(estimate) ? 'rate' : estimate.name);
}

/** An estimate's interval as text, empty where there is none. */
export function bounds(estimate: Estimate): string {
  if (estimate.low === null || estimate.high === null) return '';
  return `${shown(estimate, estimate.low)} – ${shown(estimate, estimate.high)}`;
}

/** Rows as comma-separated values (RFC 4180); a cell that a spreadsheet would run is made text. */
export function csv(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const quoted = (value: Plain | undefined) => {
    const said = value === null || value === undefined ? '' : String(value);
    const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(said) ? `'${said}` : said;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows.map((row) => columns.map((name) => row[name] ?? null))].map((line) => line.map((one) => quoted(one)).join(',')).join('\r\n');
}
