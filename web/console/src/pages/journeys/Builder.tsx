import { ActionIcon, Badge, Button, Drawer, Group, Kbd, Loader, Menu, SegmentedControl, Stack, Text, Tooltip } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconArrowBackUp, IconArrowForwardUp, IconCode, IconKeyboard } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBlocker, useNavigate, useParams, useSearchParams } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { AddButton, Canvas, type Marks } from './Canvas';
import { at, type DraftKept, type JourneyFull, place, type Problem as Wrong, useDefinitions, useDraft, useJourney, useReport, written } from './data';
import { useEditing } from './editing';
import { RULES, TRIGGER } from './graph';
import { useNames } from './names';
import { append, connect, duplicate, empty, fresh, freshId, insert, type Plan, remove, type Spot } from './plan';
import type { Definitions } from './schema';
import { type Figures, StepPanel } from './StepPanel';

const Publish = lazy(() => import('./Publish').then((page) => ({ default: page.Publish })));
const Versions = lazy(() => import('./Versions').then((page) => ({ default: page.Versions })));
const Report = lazy(() => import('./Report').then((page) => ({ default: page.Report })));
const Source = lazy(() => import('./Source').then((page) => ({ default: page.Source })));
const TestMode = lazy(() => import('./TestMode').then((page) => ({ default: page.TestMode })));
const Backtest = lazy(() => import('./Backtest').then((page) => ({ default: page.Backtest })));
const Runs = lazy(() => import('./People').then((page) => ({ default: page.Runs })));
const Steering = lazy(() => import('./Steering').then((page) => ({ default: page.Steering })));

const VIEWS = ['canvas', 'test', 'backtest', 'people', 'report', 'versions'] as const;

/** One journey: its canvas, and everything one does with it. */
export function Builder() {
  const { name = '' } = useParams();
  const journey = useJourney(name);
  const draft = useDraft(name);
  const definitions = useDefinitions();
  return (
    <Asked query={definitions}>
      {(held) => <Asked query={journey}>{(live) => <Asked query={draft}>{(kept) => <Built key={name} name={name} live={live} draft={kept} definitions={held} />}</Asked>}</Asked>}
    </Asked>
  );
}

function figures(report: { tables: Record<string, Record<string, unknown>[]> } | undefined, plan: Plan): Figures | null {
  if (report === undefined) return null;
  const found: Figures = { passed: {}, ways: {}, ended: {} };
  for (const row of report.tables.steps ?? []) {
    const id = written(plan.steps, String(row.step));
    found.passed[id] = Math.max(found.passed[id] ?? 0, Number(row.runs ?? 0));
    found.ended[id] = (found.ended[id] ?? 0) + Number(row.ended_here ?? row.ended ?? 0);
  }
  for (const row of report.tables.ways ?? []) {
    const id = written(plan.steps, String(row.step));
    (found.ways[id] ??= []).push({ outcome: String(row.outcome ?? ''), passed: Number(row.passed ?? 0) });
  }
  return found;
}

function marked(plan: Plan, live: JourneyFull | null, known: Figures | null, problems: Wrong[], walked: Set<string>): Marks {
  const marks: Marks = { here: {}, passed: known?.passed ?? {}, errors: {}, warnings: {}, walked };
  for (const version of live?.versions ?? []) {
    for (const [step, runs] of Object.entries(version.standing)) {
      const id = written(plan.steps, step);
      marks.here[id] = (marks.here[id] ?? 0) + runs;
    }
  }
  for (const one of problems) {
    const where = place(one, plan.steps);
    const id = where.step ?? (/^(exits|goals)/.test(where.field) ? RULES : TRIGGER);
    const held = one.severity === 'error' ? marks.errors : marks.warnings;
    held[id] = (held[id] ?? 0) + 1;
  }
  return marks;
}

function Built({ name, live, draft, definitions }: { name: string; live: JourneyFull | null; draft: DraftKept | null; definitions: Definitions }) {
  const { t } = useTranslation('journeys');
  const go = useNavigate();
  const client = useQueryClient();
  const names = useNames();
  const may = useMay('editor');
  const mayPublish = useMay('publisher');
  const narrow = useMediaQuery('(max-width: 62em)') ?? false;
  const [parameters, setParameters] = useSearchParams();
  const view = VIEWS.find((one) => one === parameters.get('view')) ?? 'canvas';
  const [selected, setSelected] = useState<string | null>(parameters.get('step') ?? (live === null && draft === null ? TRIGGER : null));
  const [panel, setPanel] = useState(selected !== null);
  const [source, setSource] = useState(false);
  const [publishing, setPublishing] = useState(false);
  const [walked, setWalked] = useState<Set<string>>(new Set());
  const editing = useEditing(name, live?.plan ?? empty(name.replaceAll('_', ' ')), draft);
  const { plan, change, undo, redo, flush } = editing;
  const report = useReport(name, live !== null);
  const known = useMemo(() => figures(report.data, plan), [report.data, plan]);
  const [checked, setChecked] = useState<Wrong[]>([]);
  const editable = may && live?.state !== 'archived';

  // What is in force may be doubtful too: without a draft its plan is looked at once.
  useEffect(() => {
    if (editing.drafted || live === null) return;
    const stop = new AbortController();
    call<Wrong[]>('POST', `${at(name)}/check`, { plan: live.plan }, stop.signal).then(setChecked, () => undefined);
    return () => stop.abort();
  }, [editing.drafted, live === null ? 0 : live.version, name]); // eslint-disable-line react-hooks/exhaustive-deps
  const problems = editing.drafted ? editing.problems : checked;
  const marks = useMemo(() => marked(plan, live, known, problems, walked), [plan, live, known, problems, walked]);
  const errors = problems.filter((one) => one.severity === 'error').length;
  useBlocker(() => { void flush(); return false; });

  const select = useCallback((id: string | null, open = false) => {
    setSelected(id);
    if (id === null) setPanel(false);
    else if (open) setPanel(true);
  }, []);
  const add = useCallback((spot: Spot, kind: string) => {
    const id = freshId(plan, kind);
    change(insert(plan, spot, id, fresh(kind)));
    select(id, true);
  }, [plan, change, select]);
  const addAtEnd = useCallback((kind: string) => {
    const id = freshId(plan, kind);
    const from = selected !== null && selected in plan.steps ? selected : Object.keys(plan.steps).at(-1);
    const fields = from === undefined ? [] : undefined;
    change(from === undefined ? append(plan, id, fresh(kind)) : insert(plan, { from, fields: fields ?? lastWay(plan, from) }, id, fresh(kind)));
    select(id, true);
  }, [plan, selected, change, select]);
  const take = useCallback((id: string) => {
    change(remove(plan, id));
    select(null);
  }, [plan, change, select]);
  const double = useCallback((id: string) => {
    const made = duplicate(plan, id);
    change(made.plan);
    select(made.id, true);
  }, [plan, change, select]);
  const lead = useCallback((from: string, fields: string[], to: string) => change(connect(plan, from, fields, to)), [plan, change]);
  const show = (step: string | null) => setParameters((held) => { if (step === null) held.delete('view'); else held.set('view', step); return held; }, { replace: true });
  const discard = async () => {
    await flush();
    await call('DELETE', `/api/drafts/${encodeURIComponent(name)}`);
    await client.invalidateQueries({ queryKey: ['drafts'] });
    if (live === null) return void go('/journeys');
    editing.forget(live.plan);
    select(null);
  };
  const published = async () => {
    setPublishing(false);
    const now = await client.fetchQuery({ queryKey: ['journey', name], queryFn: () => call<JourneyFull>('GET', at(name)), staleTime: 0 });
    editing.forget(now.plan);
    await client.invalidateQueries({ queryKey: ['drafts'] });
    await client.invalidateQueries({ queryKey: ['journeys'] });
    notifications.show({ message: t('publish.done', { version: now.version }), color: 'teal' });
  };

  const shown = selected !== null && (panel || !narrow) && panel;
  const held = shown ? (
    <StepPanel
      name={name} plan={plan} selected={selected} definitions={definitions} names={names} problems={problems} editable={editable} live={live} figures={known}
      onChange={change} onSelect={select} onRemove={take} onDuplicate={double}
    />
  ) : null;
  return (
    <Page
      name="journeys" title={plan.title || name.replaceAll('_', ' ')}
      detail={<Status live={live} editing={editing.drafted} saving={editing.saving} errors={errors} warnings={problems.length - errors} onFirst={() => { const first = problems.find((one) => one.severity === 'error') ?? problems[0]; if (first !== undefined) select(place(first, plan.steps).step ?? (/^(exits|goals)/.test(place(first, plan.steps).field) ? RULES : TRIGGER), true); show(null); }} />}
      actions={
        <>
          {editable && view === 'canvas' && (
            <ActionIcon.Group>
              <Tooltip label={<>{t('build.undo')} <Kbd size="xs">Ctrl Z</Kbd></>}><ActionIcon variant="default" size="lg" onClick={undo} disabled={!editing.canUndo} aria-label={t('build.undo')}><IconArrowBackUp size={18} /></ActionIcon></Tooltip>
              <Tooltip label={<>{t('build.redo')} <Kbd size="xs">Ctrl Y</Kbd></>}><ActionIcon variant="default" size="lg" onClick={redo} disabled={!editing.canRedo} aria-label={t('build.redo')}><IconArrowForwardUp size={18} /></ActionIcon></Tooltip>
            </ActionIcon.Group>
          )}
          {mayPublish || may ? <Button onClick={() => { void flush().then(() => setPublishing(true)); }} disabled={!editing.drafted}>{t('build.publish')}</Button> : null}
          <Suspense><Steering name={name} live={live} drafted={editing.drafted} onDiscard={discard} /></Suspense>
        </>
      }
    >
      {editing.failure !== undefined && <Problem error={editing.failure} retry={() => void flush()} />}
      <Group justify="space-between" wrap="wrap" gap="xs">
        <SegmentedControl
          value={view} onChange={(one) => show(one === 'canvas' ? null : one)} aria-label={t('build.view')} size={narrow ? 'xs' : 'sm'} style={{ maxWidth: '100%', overflowX: 'auto' }}
          data={VIEWS.filter((one) => live !== null || one === 'canvas' || one === 'test' || one === 'backtest').map((value) => ({ value, label: t(`views.${value}`) }))}
        />
        {view === 'canvas' && (
          <Group gap="xs">
            {editable && <AddButton kinds={definitions.steps} onPick={addAtEnd} />}
            <Tooltip label={t('build.source')}><ActionIcon variant={source ? 'filled' : 'default'} aria-label={t('build.source')} aria-pressed={source} onClick={() => setSource(!source)}><IconCode size={18} /></ActionIcon></Tooltip>
            <Keys />
          </Group>
        )}
      </Group>
      <Suspense fallback={<Loader aria-label={t('build.loading')} />}>
        {view === 'canvas' && (
          <div className="builder" data-source={source || undefined} data-panel={(held !== null && !narrow) || undefined}>
            {source && <Source plan={plan} editable={editable} onChange={(made) => change(made, 'source')} />}
            <Canvas
              plan={plan} marks={marks} kinds={definitions.steps} selected={selected} editable={editable} onSelect={select} onAdd={add} onConnect={lead} onRemove={take}
              onDuplicate={double} onUndo={undo} onRedo={redo}
            />
            {!narrow && held !== null && <aside className="side" onKeyDown={(event) => { if (event.key === 'Escape' && !event.defaultPrevented) select(selected); if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') select(null); }}>{held}</aside>}
          </div>
        )}
        {view === 'test' && <TestMode name={name} plan={plan} drafted={editing.drafted} kinds={definitions.steps} marks={marks} onWalked={setWalked} walked={walked} />}
        {view === 'backtest' && <Backtest name={name} plan={plan} live={live} />}
        {view === 'people' && <Runs journey={name} />}
        {view === 'report' && <Report name={name} plan={plan} />}
        {view === 'versions' && live !== null && <Versions name={name} live={live} drafted={editing.drafted} onRolledBack={published} />}
      </Suspense>
      {narrow && <Drawer opened={held !== null} onClose={() => select(null)} position="bottom" size="75%" title={t('panel.label')} closeButtonProps={{ 'aria-label': t('panel.close') }}>{held}</Drawer>}
      {publishing && <Suspense><Publish name={name} plan={plan} live={live} onClose={() => setPublishing(false)} onDone={published} /></Suspense>}
    </Page>
  );
}

/** The field of the last way on of a step. */
function lastWay(plan: Plan, from: string): string[] {
  const step = plan.steps[from];
  if (step?.kind === 'branch') return ['else'];
  if (step?.kind === 'intervention') return ['lost'];
  if (step?.kind === 'wait' && typeof step.timeout === 'string') return ['on_timeout'];
  if (step?.kind === 'split') return [`paths.${Object.keys((step.paths ?? {}) as object).at(-1) ?? ''}.go`];
  return ['next'];
}

function Status({ live, editing, saving, errors, warnings, onFirst }: { live: JourneyFull | null; editing: boolean; saving: string; errors: number; warnings: number; onFirst: () => void }) {
  const { t } = useTranslation('journeys');
  const colour = { published: 'teal', paused: 'yellow', shadow: 'violet', archived: 'gray' }[live?.state ?? 'archived'];
  return (
    <Group gap={6} mt={4}>
      {live !== null && <Badge variant="light" color={colour}>{t(`states.${live.state}`)}</Badge>}
      {live !== null && <Text size="sm" c="dimmed" component="span">{t('build.version', { version: live.version })} · {t('build.inside', { count: live.running })}</Text>}
      {(editing || live === null) && <Badge variant="light" color="blue">{t('states.draft')}</Badge>}
      <Text size="sm" c="dimmed" component="span" role="status">{editing || saving !== 'saved' ? t(`saving.${saving}`) : ''}</Text>
      {errors + warnings > 0 && (
        <Button size="compact-xs" variant="light" color={errors > 0 ? 'red' : 'yellow'} onClick={onFirst}>
          {[errors > 0 ? t('canvas.errors', { count: errors }) : '', warnings > 0 ? t('canvas.warnings', { count: warnings }) : ''].filter(Boolean).join(', ')}
        </Button>
      )}
    </Group>
  );
}

function Keys() {
  const { t } = useTranslation('journeys');
  return (
    <Menu position="bottom-end" width={300}>
      <Menu.Target><Tooltip label={t('keys.title')}><ActionIcon variant="default" aria-label={t('keys.title')}><IconKeyboard size={18} /></ActionIcon></Tooltip></Menu.Target>
      <Menu.Dropdown p="sm">
        <Stack gap={6}>
          {(['arrows', 'enter', 'a', 'd', 'delete', 'undo', 'redo', 'escape'] as const).map((key) => (
            <Group key={key} justify="space-between" wrap="nowrap"><Text size="sm">{t(`keys.${key}.what`)}</Text><Kbd size="xs">{t(`keys.${key}.key`)}</Kbd></Group>
          ))}
        </Stack>
      </Menu.Dropdown>
    </Menu>
  );
}
