import type { EChartsCoreOption } from 'echarts/core';

import type { Figures } from '../../parts/Chart';
import type { Palette } from '../../theme';
import type { Answer, Row } from './data';
import { cell, columnsOf, figure, title } from './values';

/** A picture of an answer. */
export interface Picture {
  label: string;
  height?: number;
  option: (colours: Palette) => EChartsCoreOption;
  figures: Figures;
}

type Draw = (answer: Answer) => Picture[];
const text = (row: Row, column: string) => String(row[column] ?? '');
const value = (row: Row, column: string) => (typeof row[column] === 'number' ? (row[column] as number) : null);

function figures(rows: readonly Row[]): Figures {
  const columns = columnsOf(rows);
  return { columns: columns.map(title), rows: rows.map((row) => columns.map((column) => cell(row[column] ?? null, column))) };
}

const axis = (colours: Palette) => ({ axisLabel: { color: colours.dimmed }, splitLine: { lineStyle: { color: colours.line } }, axisLine: { lineStyle: { color: colours.line } } });
const shareLabel = (colours: Palette) => ({ color: colours.dimmed, formatter: (one: number) => `${Math.round(one * 100)} %` });
const GRID = { left: 8, right: 16, top: 28, bottom: 8, outerBoundsMode: 'same' };

/** Bars of one column over another, with intervals where the rows have them. */
function bars(rows: readonly Row[], label: string, x: string, y: string, { share = false, across = false }: { share?: boolean; across?: boolean } = {}): Picture[] {
  if (rows.length === 0) return [];
  const names = rows.map((row) => text(row, x));
  return [{
    label, figures: figures(rows), height: across ? Math.max(160, rows.length * 28 + 60) : 260,
    option: (colours) => {
      const category = { type: 'category', data: names, ...axis(colours), splitLine: { show: false }, inverse: across };
      const amount = { type: 'value', ...axis(colours), ...(share ? { axisLabel: shareLabel(colours) } : {}) };
      const whiskers = rows.map((row, place) => [place, value(row, `${y}_low`), value(row, `${y}_high`)]);
      const some = whiskers.some(([, low, high]) => low !== null && high !== null);
      return {
        grid: GRID, xAxis: across ? amount : category, yAxis: across ? category : amount,
        tooltip: { trigger: 'axis', confine: true, valueFormatter: (one: unknown) => figure(typeof one === 'number' ? one : null, '', share ? 'rate' : y) },
        series: [
          { type: 'bar', name: title(y), data: rows.map((row) => value(row, y)), barMaxWidth: 36, itemStyle: { borderRadius: 3 } },
          ...(some ? [whisker(whiskers, colours, across)] : []),
        ],
      };
    },
  }];
}

function whisker(data: (number | null)[][], colours: Palette, across: boolean) {
  return {
    type: 'custom', data, z: 5, silent: true, tooltip: { show: false },
    renderItem: (_: unknown, api: { value: (at: number) => number; coord: (at: number[]) => number[] }) => {
      const [place, low, high] = [api.value(0), api.value(1), api.value(2)];
      if (Number.isNaN(low) || Number.isNaN(high)) return null;
      const [a, b] = across ? [api.coord([low, place]), api.coord([high, place])] : [api.coord([place, low]), api.coord([place, high])];
      const cap = 4;
      const [ax, ay, bx, by] = [a[0] ?? 0, a[1] ?? 0, b[0] ?? 0, b[1] ?? 0];
      const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: colours.text, lineWidth: 1.2 } });
      return {
        type: 'group',
        children: across
          ? [line(ax, ay, bx, by), line(ax, ay - cap, ax, ay + cap), line(bx, by - cap, bx, by + cap)]
          : [line(ax, ay, bx, by), line(ax - cap, ay, ax + cap, ay), line(bx - cap, by, bx + cap, by)],
      };
    },
  };
}

/** Lines over time or number, one for each group. */
function lines(rows: readonly Row[], label: string, x: string, ys: string[], { share = false, group, area = false }: { share?: boolean; group?: string; area?: boolean } = {}): Picture[] {
  if (rows.length === 0) return [];
  const places = [...new Set(rows.map((row) => text(row, x)))];
  const groups = group === undefined ? [''] : [...new Set(rows.map((row) => text(row, group)))].slice(0, 8);
  const series = groups.flatMap((held) => ys.map((y) => {
    const mine = new Map(rows.filter((row) => group === undefined || text(row, group) === held).map((row) => [text(row, x), row]));
    return { name: held === '' ? title(y) : held, y, rows: places.map((place) => mine.get(place)) };
  }));
  return [{
    label, figures: figures(rows),
    option: (colours) => ({
      grid: { ...GRID, top: series.length > 1 ? 40 : 16 },
      legend: series.length > 1 ? { top: 0, left: 0, textStyle: { color: colours.dimmed }, type: 'scroll', right: 40 } : undefined,
      tooltip: { trigger: 'axis', confine: true, valueFormatter: (one: unknown) => figure(typeof one === 'number' ? one : null, '', share ? 'rate' : '') },
      xAxis: { type: 'category', data: places, ...axis(colours), splitLine: { show: false } },
      yAxis: { type: 'value', ...axis(colours), ...(share ? { axisLabel: shareLabel(colours), max: (held: { max: number }) => Math.min(1, held.max * 1.1) } : {}) },
      series: series.flatMap((one) => {
        const line = { type: 'line', name: one.name, data: one.rows.map((row) => (row === undefined ? null : value(row, one.y))), symbolSize: 5, connectNulls: false, ...(area ? { areaStyle: { opacity: 0.15 } } : {}) };
        const low = one.rows.map((row) => (row === undefined ? null : value(row, 'low') ?? value(row, `${one.y}_low`)));
        const high = one.rows.map((row) => (row === undefined ? null : value(row, 'high') ?? value(row, `${one.y}_high`)));
        if (series.length > 1 || low.every((bound) => bound === null)) return [line];
        const band = { type: 'line', symbol: 'none', lineStyle: { opacity: 0 }, stack: 'band', silent: true, tooltip: { show: false } };
        return [line, { ...band, data: low }, { ...band, data: high.map((bound, at) => (bound === null ? null : bound - (low[at] ?? 0))), areaStyle: { opacity: 0.14 } }];
      }),
    }),
  }];
}

/** A triangle of cohorts: the share of each that was there in each period. */
function triangle(rows: readonly Row[], label: string, share: string): Picture[] {
  const held = rows.filter((row) => value(row, share) !== null);
  if (held.length === 0) return [];
  const cohorts = [...new Set(held.map((row) => text(row, 'cohort')))];
  const periods = [...new Set(held.map((row) => text(row, 'period')))];
  return [{
    label, figures: figures(held), height: Math.max(180, cohorts.length * 30 + 70),
    option: (colours) => ({
      grid: { ...GRID, top: 8 },
      tooltip: { confine: true, formatter: ({ value: at }: { value: [number, number, number] }) => `${cohorts[at[1]]}, ${periods[at[0]]}: ${figure(at[2], '', 'rate')}` },
      xAxis: { type: 'category', data: periods, ...axis(colours), splitLine: { show: false }, position: 'top' },
      yAxis: { type: 'category', data: cohorts, ...axis(colours), splitLine: { show: false }, inverse: true },
      visualMap: { show: false, min: 0, max: 1, inRange: { color: [colours.line, colours.series[0]] } },
      series: [{
        type: 'heatmap', data: held.map((row) => [periods.indexOf(text(row, 'period')), cohorts.indexOf(text(row, 'cohort')), value(row, share) ?? 0]),
        label: { show: periods.length <= 14, formatter: ({ value: at }: { value: number[] }) => `${Math.round((at[2] ?? 0) * 100)}`, color: colours.text, fontSize: 11 },
      }],
    }),
  }];
}

/** Who went where, step by step. */
function flow(rows: readonly Row[], label: string): Picture[] {
  const kept = [...rows].sort((one, other) => (value(other, 'paths') ?? 0) - (value(one, 'paths') ?? 0)).slice(0, 60);
  if (kept.length === 0) return [];
  const at = (row: Row, end: 'source' | 'target') => `${(value(row, 'step') ?? 1) - (end === 'source' ? 1 : 0)} ${text(row, end)}`;
  const nodes = [...new Set(kept.flatMap((row) => [at(row, 'source'), at(row, 'target')]))];
  return [{
    label, figures: figures(kept), height: 420,
    option: (colours) => ({
      tooltip: { confine: true },
      series: [{
        type: 'sankey', left: 4, right: 130, top: 12, bottom: 8, nodeGap: 9, nodeWidth: 12, draggable: false,
        data: nodes.map((name) => ({ name })), links: kept.map((row) => ({ source: at(row, 'source'), target: at(row, 'target'), value: value(row, 'paths') ?? 0 })),
        label: { color: colours.text, fontSize: 11, formatter: ({ name }: { name: string }) => name.replace(/^\d+ /, '') }, lineStyle: { color: 'gradient', opacity: 0.35 },
      }],
    }),
  }];
}

/** Effects with their intervals, against the line of none. */
function forest(rows: readonly Row[], label: string, name: (row: Row) => string, effect = 'effect'): Picture[] {
  const held = rows.filter((row) => value(row, effect) !== null).slice(0, 40);
  if (held.length === 0) return [];
  return [{
    label, figures: figures(held), height: Math.max(150, held.length * 30 + 70),
    option: (colours) => ({
      grid: GRID, tooltip: { confine: true, trigger: 'item' },
      xAxis: { type: 'value', ...axis(colours), scale: false },
      yAxis: { type: 'category', inverse: true, data: held.map(name), ...axis(colours), splitLine: { show: false } },
      series: [
        {
          type: 'scatter', symbolSize: 9, name: title(effect), markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle: { color: colours.dimmed, type: 'dashed' }, data: [{ xAxis: 0 }] },
          data: held.map((row, place) => {
            const [low, high] = [value(row, 'low'), value(row, 'high')];
            const sure = low !== null && high !== null && (low > 0 || high < 0);
            return { value: [value(row, effect), place], itemStyle: { color: !sure ? colours.dimmed : (low ?? 0) > 0 ? colours.good : colours.bad } };
          }),
        },
        whisker(held.map((row, place) => [place, value(row, 'low'), value(row, 'high')]), colours, true),
      ],
    }),
  }];
}

/** What a score said against what came true. */
function reliability(rows: readonly Row[], label: string): Picture[] {
  const held = rows.filter((row) => value(row, 'observed') !== null);
  if (held.length === 0) return [];
  const said = Object.keys(held[0] ?? {}).find((name) => /^(mean|score|predicted|said|expected)/.test(name)) ?? Object.keys(held[0] ?? {})[0] ?? '';
  return lines(held, label, said, ['observed'], { share: true });
}

/** The pictures of each analysis, first the one that says most. Pure. */
const DRAWN: Record<string, Draw> = {
  trends: ({ tables }) => lines(tables.trend ?? [], 'trend', 'period', ['value'], { group: 'group', area: true }),
  funnel: ({ tables }) => bars(tables.steps ?? first(tables), 'steps', nameColumn(tables.steps ?? first(tables)), valueColumn(tables.steps ?? first(tables))),
  retention: ({ tables }) => [...lines(tables.curve ?? [], 'curve', 'period', ['rate'], { share: true }), ...triangle(tables.cohorts ?? [], 'cohorts', 'rate')],
  cohorts: ({ tables }) => triangle(tables.cohorts ?? [], 'cohorts', 'share'),
  paths: ({ tables }) => flow(tables.flows ?? [], 'flows'),
  lifecycle: ({ tables }) => stacked(tables.periods ?? [], 'periods', 'period', ['new', 'current', 'resurrected', 'dormant']),
  stickiness: ({ tables }) => [...lines(tables.periods ?? [], 'periods', 'period', ['ratio'], { share: true }), ...bars(lastOf(tables.days ?? []), 'days', 'days', 'share', { share: true })],
  activation: ({ tables }) => [...bars(tables.milestones ?? [], 'milestones', 'milestone', 'drop_off', { share: true, across: true }), ...bars(tables.stay ?? [], 'stay', 'group', 'stay', { share: true })],
  'stage-funnel': ({ tables }) => [...bars(tables.stages ?? [], 'stages', 'stage', 'of_all', { share: true, across: true }), ...moves(tables.moves ?? [], 'moves')],
  calibration: ({ tables }) => [...reliability(tables.reliability ?? [], 'reliability'), ...bars(tables.deciles ?? [], 'deciles', Object.keys(tables.deciles?.[0] ?? {})[0] ?? '', valueColumn(tables.deciles ?? []))],
  'renewal-forecast': ({ tables }) => bars(tables.classes ?? [], 'classes', 'class', 'accounts'),
  nps: ({ tables }) => bars(tables.groups ?? [], 'groups', 'group', 'nps'),
  lift: ({ tables }) => forest(tables.effects ?? [], 'effects', (row) => `${text(row, 'arm')} · ${text(row, 'metric')}`),
  'save-report': ({ tables }) => [...bars(tables.touches ?? [], 'touches', 'name', 'raw_save_rate', { share: true, across: true }), ...forest(tables.effects ?? [], 'effects', (row) => text(row, 'arm'))],
  'what-saves': ({ tables }) => forest(tables.effects ?? [], 'effects', (row) => `${text(row, 'intervention')} · ${text(row, 'profile')}`),
  'journey-report': ({ tables }) => [...bars(tables.steps ?? [], 'steps', nameColumn(tables.steps ?? []), valueColumn(tables.steps ?? []), { across: true }), ...bars(tables.holds ?? [], 'holds', 'reason', valueColumn(tables.holds ?? []), { across: true })],
  'league-table': ({ tables }) => bars((tables.journeys ?? []).filter((row) => (value(row, 'runs') ?? 0) > 0), 'journeys', 'journey', 'runs', { across: true }),
  'message-report': ({ tables }) => [...bars(tables.messages ?? [], 'messages', 'name', 'click_rate', { share: true }), ...bars(tables.holds ?? [], 'holds', 'reason', 'messages', { across: true })],
  attribution: ({ tables }) => bars(tables.credit ?? [], 'credit', nameColumn(tables.credit ?? []), valueColumn(tables.credit ?? []), { across: true }),
  rfm: ({ tables }) => bars(tables.segments ?? [], 'segments', 'segment', 'people', { across: true }),
  'post-purchase': () => [],
};

function stacked(rows: readonly Row[], label: string, x: string, ys: string[]): Picture[] {
  if (rows.length === 0) return [];
  return [{
    label, figures: figures(rows),
    option: (colours) => ({
      grid: { ...GRID, top: 40 }, legend: { top: 0, left: 0, textStyle: { color: colours.dimmed } }, tooltip: { trigger: 'axis', confine: true },
      xAxis: { type: 'category', data: rows.map((row) => text(row, x)), ...axis(colours), splitLine: { show: false } }, yAxis: { type: 'value', ...axis(colours) },
      color: [colours.good, colours.of('indigo'), colours.of('cyan'), colours.dimmed],
      // Who went quiet stands below the line.
      series: ys.map((y) => ({ type: 'bar', stack: 'all', name: title(y), data: rows.map((row) => (value(row, y) ?? 0) * (y === 'dormant' ? -1 : 1)) })),
    }),
  }];
}

function moves(rows: readonly Row[], label: string): Picture[] {
  if (rows.length === 0) return [];
  const names = [...new Set(rows.flatMap((row) => [text(row, 'from'), text(row, 'to')]))];
  return [{
    label, figures: figures(rows), height: Math.max(220, names.length * 32 + 60),
    option: (colours) => ({
      grid: { ...GRID, top: 8 }, tooltip: { confine: true },
      xAxis: { type: 'category', data: names, ...axis(colours), splitLine: { show: false }, position: 'top' },
      yAxis: { type: 'category', data: names, ...axis(colours), splitLine: { show: false }, inverse: true },
      visualMap: { show: false, min: 0, max: Math.max(...rows.map((row) => value(row, 'times') ?? 0)), inRange: { color: [colours.line, colours.series[0]] } },
      series: [{ type: 'heatmap', data: rows.map((row) => [names.indexOf(text(row, 'to')), names.indexOf(text(row, 'from')), value(row, 'times') ?? 0]), label: { show: true, color: colours.text } }],
    }),
  }];
}

const first = (tables: Record<string, Row[]>): Row[] => Object.values(tables)[0] ?? [];
const nameColumn = (rows: readonly Row[]) => Object.entries(rows[0] ?? {}).find(([, one]) => typeof one === 'string')?.[0] ?? Object.keys(rows[0] ?? {})[0] ?? '';
const valueColumn = (rows: readonly Row[]) => Object.entries(rows[0] ?? {}).find(([name, one]) => typeof one === 'number' && !/(_low|_high|^step$|^n$)/.test(name))?.[0] ?? '';
const lastOf = (rows: readonly Row[]) => {
  const whole = [...new Set(rows.map((row) => text(row, 'period')))].at(-1);
  return rows.filter((row) => text(row, 'period') === whole);
};

/** The pictures of an answer; none where a table says it better. */
export function pictures(analysis: string, answer: Answer): Picture[] {
  return DRAWN[analysis]?.(answer) ?? [];
}
