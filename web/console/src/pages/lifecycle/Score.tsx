import { Anchor, Badge, Breadcrumbs, Button, Card, Grid, Group, Select, Slider, Stack, Table, Text, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconGauge } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { called, type Subject, where } from '../../parts/subject/types';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { bandColour } from '../../theme';
import { Chart } from '../../parts/Chart';
import { AnswerView } from '../analyses/AnswerView';
import { addressOf, useAnswer } from '../analyses/data';
import { DraftBar, Troubles } from '../definition/DraftBar';
import { type Held, useDraft, useObject } from '../definition/objects';
import type { Weights } from './data';

interface Previewed {
  of: string;
  looked_at: number;
  of_all: number;
  before: Record<string, number>;
  after: Record<string, number>;
  moves: [string | null, string | null, number][];
  examples: (Subject & { before: number; after: number; band_before: string | null; band_after: string | null })[];
}

/** One score: its weights as sliders for each stage, segment and tier, what a change would do, and whether it is right. */
export function ScorePage() {
  const { t } = useTranslation('lifecycle');
  const { name = '' } = useParams();
  const held = useObject('scores', name);
  return (
    <Page
      name="lifecycle" title={words(name)}
      detail={<Breadcrumbs separator="›"><Anchor component={Link} to="/lifecycle" size="sm">{t('all')}</Anchor><Text size="sm">{t('scores')}</Text></Breadcrumbs>}
    >
      <DraftBar />
      <Asked query={held} lines={10}>
        {(found) => found.current === null ? <Empty icon={IconGauge} title={t('no_such')} /> : <Editor key={`${name} ${found.revision ?? ''}`} held={found} />}
      </Asked>
      <Right score={name} />
    </Page>
  );
}

const meant = (one: Weights, every: string) => [one.stage, one.segment, one.tier].filter((part) => part !== undefined).map((part) => words(String(part))).join(' × ') || every;

function Editor({ held }: { held: Held }) {
  const { t } = useTranslation('lifecycle');
  const may = useMay('editor');
  const was = held.drafted ?? held.current ?? {};
  const measures = (was.measures ?? {}) as Record<string, { description?: string; source?: string }>;
  const [sets, setSets] = useState((was.weights ?? []) as Weights[]);
  const [at, setAt] = useState('0');
  const draft = useDraft('scores', held.name);
  const one = sets[Number(at)];
  const before = ((was.weights ?? []) as Weights[]);
  const changed = JSON.stringify(sets) !== JSON.stringify(before);
  const move = (measure: string, value: number) => setSets(sets.map((set, place) => {
    if (place !== Number(at)) return set;
    const weights = { ...set.weights, [measure]: value };
    if (value === 0) delete weights[measure];
    return { ...set, weights };
  }));
  const most = Math.max(10, 2 * Math.max(0, ...before.flatMap((set) => Object.values(set.weights))));
  const total = Object.values(one?.weights ?? {}).reduce((sum, value) => sum + value, 0);
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 6 }}>
        <Card withBorder>
          <Stack gap="sm">
            <Select label={t('set')} data={sets.map((set, place) => ({ value: String(place), label: meant(set, t('everybody')) }))} value={at} onChange={(next) => setAt(next ?? '0')} allowDeselect={false} />
            {one !== undefined && Object.entries(measures).map(([measure, about]) => (
              <div key={measure}>
                <Group justify="space-between" gap="xs">
                  <Text size="sm" fw={500} title={about.description ?? about.source ?? ''}>{words(measure)}</Text>
                  <Text size="xs" c="dimmed" className="numbers">{one.weights[measure] ?? 0}{total > 0 && ` · ${Math.round(((one.weights[measure] ?? 0) / total) * 100)} %`}</Text>
                </Group>
                <Slider thumbLabel={words(measure)} value={one.weights[measure] ?? 0} min={0} max={most} step={1} onChange={(value) => move(measure, value)} disabled={!may} size="sm" label={null} />
              </div>
            ))}
            {draft.isError && <Problem error={draft.error} />}
            {draft.data !== undefined && <Troubles found={draft.data.problems} />}
            <Group justify="space-between">
              <Button variant="subtle" disabled={!changed} onClick={() => setSets(before)}>{t('undo')}</Button>
              <Button
                disabled={!may || !changed} loading={draft.isPending}
                onClick={() => draft.mutate({ object: { ...was, weights: sets }, revision: held.revision }, { onSuccess: () => notifications.show({ message: t('drafted') }) })}
              >{t('save')}</Button>
            </Group>
          </Stack>
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 6 }}>{changed ? <Effect name={held.name} weights={sets} /> : <Empty icon={IconGauge} title={t('unchanged')}>{t('unchanged_why')}</Empty>}</Grid.Col>
    </Grid>
  );
}

/** What other weights would do to real people, before they count. */
function Effect({ name, weights }: { name: string; weights: Weights[] }) {
  const { t } = useTranslation('lifecycle');
  const [asked] = useDebouncedValue(weights, 350);
  const query = useQuery<Previewed>({
    queryKey: ['score preview', name, asked], retry: false, placeholderData: (held) => held,
    queryFn: ({ signal }) => call<Previewed>('POST', `/api/scores/${encodeURIComponent(name)}/preview`, { weights: asked }, signal),
  });
  const bands = useMemo(() => [...new Set([...Object.keys(query.data?.before ?? {}), ...Object.keys(query.data?.after ?? {})])], [query.data]);
  return (
    <Asked query={query} lines={8}>
      {(found) => (
        <Stack aria-busy={query.isFetching}>
          <Text fw={600}>{t('would_change', { count: found.moves.reduce((sum, [from, to, count]) => sum + (from === to ? 0 : count), 0), of: found.looked_at })}</Text>
          <Chart
            label={t('bands_before_after')} height={200}
            figures={{ columns: [t('band'), t('before'), t('after')], rows: bands.map((band) => [words(band), found.before[band] ?? 0, found.after[band] ?? 0]) }}
            option={(colours) => ({
              grid: { left: 8, right: 8, top: 32, bottom: 8, outerBoundsMode: 'same' }, legend: { top: 0, left: 0, textStyle: { color: colours.dimmed } }, tooltip: { trigger: 'axis', confine: true },
              xAxis: { type: 'category', data: bands.map(words), axisLabel: { color: colours.dimmed } }, yAxis: { type: 'value', axisLabel: { color: colours.dimmed }, splitLine: { lineStyle: { color: colours.line } } },
              series: [{ type: 'bar', name: t('before'), data: bands.map((band) => found.before[band] ?? 0), itemStyle: { color: colours.dimmed } }, { type: 'bar', name: t('after'), data: bands.map((band) => found.after[band] ?? 0) }],
            })}
          />
          <Table fz="sm" verticalSpacing={4} aria-label={t('examples')}>
            <Table.Thead><Table.Tr><Table.Th scope="col">{t('who')}</Table.Th><Table.Th scope="col">{t('before')}</Table.Th><Table.Th scope="col">{t('after')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {found.examples.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td><Anchor component={Link} to={where(one)} size="sm">{called(one)}</Anchor></Table.Td>
                  <Table.Td><Badge size="sm" variant="light" color={bandColour(one.band_before, name)}>{Math.round(one.before)} {words(one.band_before ?? 'unknown')}</Badge></Table.Td>
                  <Table.Td><Badge size="sm" variant="light" color={bandColour(one.band_after, name)}>{Math.round(one.after)} {words(one.band_after ?? 'unknown')}</Badge></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      )}
    </Asked>
  );
}

/** Whether the score foretold what came. */
function Right({ score }: { score: string }) {
  const { t } = useTranslation('lifecycle');
  const fields = { score };
  const answer = useAnswer('calibration', fields, true);
  return (
    <section aria-labelledby="right">
      <Group justify="space-between" mb="xs"><Title order={2} id="right">{t('right')}</Title><Anchor component={Link} to={addressOf('calibration', fields)} size="sm">{t('change_question')}</Anchor></Group>
      <Asked query={answer}>{(found) => <AnswerView analysis="calibration" answer={found} />}</Asked>
    </section>
  );
}
