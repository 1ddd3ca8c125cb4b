import { Anchor, Badge, Button, Group, Modal, Paper, ScrollArea, Select, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconMapPin, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { ApiError, call } from '../../api/client';
import { useMay } from '../../api/session';
import { Empty } from '../../parts/Empty';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { type Answer, useJourneys } from '../journeys/data';
import { useDefinition } from '../journeys/names';

interface Touch { title?: string; channel?: string; event: string | string[]; where?: string; good?: string; bad?: string; team?: string; interventions?: string[]; description?: string }
interface Stage { lifecycle: string; stage?: string; title?: string; goal?: string; expectation?: string; pain_points?: string[]; team?: string; outcome?: { stages?: string[]; event?: string | string[]; where?: string }; within?: string; meet_within?: string; lost?: boolean; touchpoints?: Record<string, Touch>; interventions?: string[] }
type Row = Record<string, unknown>;

const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const percent = (value: unknown): string => (typeof value === 'number' ? `${Math.round(value * 100)} %` : '–');

/** The map of a lifecycle: per stage what customers want, where they meet us, where they drop off, and which meetings are moments of truth. */
export function Touchpoints() {
  const { t } = useTranslation('touchpoints');
  const definition = useDefinition();
  return (
    <Page name="touchpoints" detail={t('detail')}>
      <Asked query={definition}>
        {(held) => {
          const stages = (held.workspace.touchpoints ?? {}) as Record<string, Stage>;
          return Object.keys(stages).length === 0
            ? <Empty icon={IconMapPin} title={t('none')}>{t('none_more')}</Empty>
            : <Map stages={stages} lifecycles={(held.workspace.lifecycles ?? {}) as Record<string, { of?: string; stages: { name: string }[] }>} />;
        }}
      </Asked>
    </Page>
  );
}

function Map({ stages, lifecycles }: { stages: Record<string, Stage>; lifecycles: Record<string, { of?: string; stages: { name: string }[] }> }) {
  const { t } = useTranslation('touchpoints');
  const known = [...new Set(Object.values(stages).map((one) => one.lifecycle))];
  const [lifecycle, setLifecycle] = useState(known[0] ?? '');
  const order = (lifecycles[lifecycle]?.stages ?? []).map((one) => one.name);
  const mine = Object.entries(stages).filter(([, one]) => one.lifecycle === lifecycle).sort(([a, x], [b, y]) => order.indexOf(x.stage || a) - order.indexOf(y.stage || b));
  const question = {
    lifecycle, by: lifecycles[lifecycle]?.of ?? 'person',
    stages: mine.map(([name, one]) => ({
      stage: one.stage || name, stages: one.outcome?.stages ?? [], event: list(one.outcome?.event), where: one.outcome?.where ?? '', within: one.within ?? '30d', meet_within: one.meet_within ?? '7d', lost: one.lost ?? false,
      touchpoints: Object.entries(one.touchpoints ?? {}).map(([label, met]) => ({ name: label, event: list(met.event), where: met.where ?? '', good: met.good ?? '', bad: met.bad ?? '' })),
    })),
  };
  const answer = useQuery({ queryKey: ['touchpoints', lifecycle, JSON.stringify(question)], queryFn: ({ signal }) => call<Answer>('POST', '/api/ask/touchpoints', question, signal), staleTime: 60_000 });
  const rows = answer.data === undefined ? [] : Object.values(answer.data.tables).flat();
  const of = (stage: string) => rows.find((row) => row.stage === stage && row.touchpoint === undefined);
  const truths = (stage: string, label: string) => rows.filter((row) => row.stage === stage && row.touchpoint === label && row.verdict === 'moment of truth');
  const [attaching, setAttaching] = useState<{ stage: string; label: string | null } | null>(null);
  return (
    <Stack>
      {known.length > 1 && <Select label={t('lifecycle')} w={240} data={known} value={lifecycle} allowDeselect={false} onChange={(one) => one !== null && setLifecycle(one)} />}
      {answer.data !== undefined && <Text>{answer.data.sentence}</Text>}
      {answer.isError && <Problem error={answer.error} />}
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, 'aria-label': t('map') }}>
        <Group align="stretch" wrap="nowrap" gap="sm" pb="sm">
          {mine.map(([name, one]) => <Column key={name} name={name} one={one} row={of(one.stage || name)} truths={(label) => truths(one.stage || name, label)} onAttach={(label) => setAttaching({ stage: name, label })} />)}
        </Group>
      </ScrollArea>
      {attaching !== null && <Attach stage={attaching.stage} label={attaching.label} held={stages[attaching.stage] as Stage} onClose={() => setAttaching(null)} />}
    </Stack>
  );
}

function Column({ name, one, row, truths, onAttach }: { name: string; one: Stage; row: Row | undefined; truths: (label: string) => Row[]; onAttach: (label: string | null) => void }) {
  const { t } = useTranslation('touchpoints');
  const may = useMay('editor');
  return (
    <Paper withBorder p="sm" w={270} component="section" aria-label={one.title || name} style={{ flexShrink: 0 }}>
      <Stack gap="xs">
        <div>
          <Title order={2}>{(one.title || name).replaceAll('_', ' ')}</Title>
          {one.team !== undefined && one.team !== '' && <Text size="xs" c="dimmed">{t('team', { team: one.team })}</Text>}
        </div>
        {row !== undefined && (
          <Group gap={6}>
            <Badge variant="light" color="gray">{t('entered', { count: Number(row.entered ?? 0) })}</Badge>
            {typeof row.drop_off === 'number' && <Badge variant="light" color={row.drop_off > 0.5 ? 'red' : 'yellow'}>{t('drop_off', { rate: percent(row.drop_off) })}</Badge>}
          </Group>
        )}
        {one.goal !== undefined && one.goal !== '' && <Text size="sm"><b>{t('goal')}</b> {one.goal}</Text>}
        {one.expectation !== undefined && one.expectation !== '' && <Text size="sm"><b>{t('expectation')}</b> {one.expectation}</Text>}
        {(one.pain_points ?? []).length > 0 && <Text size="sm"><b>{t('pains')}</b> {one.pain_points?.join('; ')}</Text>}
        {Object.entries(one.touchpoints ?? {}).map(([label, met]) => {
          const found = truths(label);
          return (
            <Paper key={label} withBorder p="xs" bd={found.length > 0 ? '2px solid var(--mantine-primary-color-filled)' : undefined}>
              <Text size="sm" fw={600}>{met.title || label.replaceAll('_', ' ')}</Text>
              <Text size="xs" c="dimmed">{[met.channel, list(met.event).join(', ')].filter(Boolean).join(' · ')}</Text>
              {found.map((each, index) => <Badge key={index} size="sm" variant="filled">{t('truth', { met: String(each.met), points: Math.round(Number(each.difference) * 100) })}</Badge>)}
              <Interventions names={met.interventions ?? []} />
              {may && <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={12} aria-hidden />} onClick={() => onAttach(label)} aria-label={t('attach_to', { name: met.title || label })}>{t('attach')}</Button>}
            </Paper>
          );
        })}
        <Interventions names={one.interventions ?? []} />
        {may && <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={12} aria-hidden />} onClick={() => onAttach(null)} aria-label={t('attach_to', { name: one.title || name })}>{t('attach_stage')}</Button>}
      </Stack>
    </Paper>
  );
}

function Interventions({ names }: { names: string[] }) {
  return names.length === 0 ? null : <Group gap={6}>{names.map((name) => <Anchor key={name} size="xs" component={Link} to={`/journeys/${encodeURIComponent(name)}`}>{name.replaceAll('_', ' ')}</Anchor>)}</Group>;
}

/** Puts a journey beside a touchpoint: one that is there, or a new one that begins where the meeting goes badly. */
function Attach({ stage, label, held, onClose }: { stage: string; label: string | null; held: Stage; onClose: () => void }) {
  const { t } = useTranslation('touchpoints');
  const go = useNavigate();
  const client = useQueryClient();
  const may = useMay('publisher');
  const journeys = useJourneys();
  const [chosen, setChosen] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const met = label === null ? undefined : held.touchpoints?.[label];
  const there = (label === null ? held.interventions : met?.interventions) ?? [];
  const attach = async () => {
    if (chosen === null) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const now = await call<{ version: string; workspace: { touchpoints: Record<string, Stage> } & Record<string, unknown> }>('GET', '/api/workspace');
      const one = now.workspace.touchpoints[stage] as Stage;
      const made: Stage = label === null
        ? { ...one, interventions: [...(one.interventions ?? []), chosen] }
        : { ...one, touchpoints: { ...one.touchpoints, [label]: { ...(one.touchpoints?.[label] as Touch), interventions: [...(one.touchpoints?.[label]?.interventions ?? []), chosen] } } };
      await call('POST', '/api/workspace/apply', { workspace: { ...now.workspace, touchpoints: { ...now.workspace.touchpoints, [stage]: made } }, expected: now.version });
      await client.invalidateQueries({ queryKey: ['workspace'] });
      notifications.show({ message: t('attached') });
      onClose();
    } catch (error) {
      setFailed(error instanceof ApiError && error.code === 'approval_needed' ? new Error(t('approval')) : error);
    } finally {
      setBusy(false);
    }
  };
  const make = async () => {
    setBusy(true);
    setFailed(undefined);
    const name = [stage, label ?? '', 'help'].filter(Boolean).join('_');
    try {
      const trigger = met === undefined
        ? { kind: 'stage', lifecycle: held.lifecycle, stage: held.stage || stage }
        : { kind: 'event', event: met.event, ...(met.bad ? { where: met.bad.replaceAll('property.', '') } : {}) };
      await call('PUT', `/api/drafts/${name}`, { plan: { title: t('help_with', { name: met?.title || label || stage }), triggers: [trigger], steps: { wait: { kind: 'wait', for: '1h' } } }, revision: null });
      await go(`/journeys/${name}`);
    } catch (error) {
      setFailed(error);
      setBusy(false);
    }
  };
  return (
    <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose} title={t('attach_to', { name: met?.title || label || stage })}>
      <Stack>
        <Text size="sm">{t('attach_why')}</Text>
        <Select label={t('journey')} searchable value={chosen} onChange={setChosen} data={(journeys.data ?? []).filter((one) => !there.includes(one.name)).map((one) => ({ value: one.name, label: one.title }))} />
        {failed !== undefined && <Problem error={failed} />}
        <Group justify="space-between">
          <Button variant="default" loading={busy} onClick={() => void make()}>{t('make')}</Button>
          {may && <Button loading={busy} disabled={chosen === null} onClick={() => void attach()}>{t('attach')}</Button>}
        </Group>
      </Stack>
    </Modal>
  );
}
