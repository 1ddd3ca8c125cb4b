import { Alert, Badge, Button, Group, List, Paper, Progress, SimpleGrid, Stack, Switch, Table, Text, Title } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Problem } from '../../shell/Broken';
import { at, type JourneyFull } from './data';
import { type Plan, tidy } from './plan';
import { Scroll } from './Scroll';

interface Step { id: string; kind: string; title: string; reached: number; still: number; exits: Record<string, number> }
interface Message { template: string; channel: string; decided: number; would_send: number; held: Record<string, number> }
interface Summary { entries: number; people: number; ghosts: number; refused: Record<string, number>; active: number; ended: Record<string, number>; steps: Step[]; messages: Message[]; goals: { name: string; reached: number; value: number }[] }
interface Version { events: number; from: number; to: number; summary: Summary; messages: number; most_in_a_week: number; busiest_day: { day: number; messages: number } | null }
interface Differences { only_before: number; only_after: number; differing: number; other_times: number; same: number; examples: { who: string; subject: string; differs: string[] }[] }
interface Result { versions: Version[]; differences?: Differences }
interface Job { id: string; state: string; done: number; total: number | null; message: string | null; result: Result | null; error: { message: string } | null; ended: number | null }

/** What the plan would have done to everything that was recorded, beside the version in force. Nothing is sent. */
export function Backtest({ name, plan, live }: { name: string; plan: Plan; live: JourneyFull | null }) {
  const { t } = useTranslation('journeys');
  const [compare, setCompare] = useState(live !== null);
  const [id, setId] = useState<string | null>(null);
  const begin = useMutation({
    mutationFn: () => call<Job>('POST', `${at(name)}/backtest`, { plan: tidy(plan), compare: compare && live !== null }),
    onSuccess: (job) => setId(job.id),
  });
  const cancel = useMutation({ mutationFn: () => call<Job>('DELETE', `/api/jobs/${id}`), onSuccess: () => void asked.refetch() });
  const asked = useQuery({
    queryKey: ['job', id], enabled: id !== null, queryFn: ({ signal }) => call<Job>('GET', `/api/jobs/${id}`, undefined, signal),
    refetchInterval: (query) => (query.state.data?.ended ? false : 700),
  });
  const job = asked.data;
  const under = job !== undefined && job.ended === null;
  return (
    <Stack>
      <Text size="sm" c="dimmed" maw={720}>{t('backtest.what')}</Text>
      <Group>
        {live !== null && <Switch label={t('backtest.compare', { version: live.version })} checked={compare} onChange={(event) => setCompare(event.currentTarget.checked)} />}
        <Button leftSection={<IconHistory size={16} aria-hidden />} onClick={() => begin.mutate()} loading={begin.isPending} disabled={under}>{t('backtest.go')}</Button>
      </Group>
      {begin.isError && <Problem error={begin.error} />}
      {asked.isError && <Problem error={asked.error} />}
      {under && (
        <Paper withBorder p="md" role="status">
          <Group justify="space-between" mb="xs"><Text size="sm">{t(job.state === 'queued' ? 'backtest.queued' : 'backtest.running', { done: job.done.toLocaleString(), total: (job.total ?? 0).toLocaleString() })}</Text><Button size="xs" variant="default" onClick={() => cancel.mutate()}>{t('publish.cancel')}</Button></Group>
          <Progress value={job.total ? (job.done / job.total) * 100 : 0} animated={false} aria-label={t('backtest.progress')} />
        </Paper>
      )}
      {job?.error != null && <Alert color="red">{job.error.message}</Alert>}
      {job?.state === 'cancelled' && <Text size="sm" c="dimmed">{t('backtest.cancelled')}</Text>}
      {job?.result != null && <Found result={job.result} />}
    </Stack>
  );
}

function Found({ result }: { result: Result }) {
  const { t } = useTranslation('journeys');
  const [before, after] = result.versions.length === 2 ? [result.versions[0], result.versions[1]] : [undefined, result.versions[0]];
  if (after === undefined) return null;
  const held = (one: Summary) => one.messages.reduce((sum, each) => sum + Object.values(each.held).reduce((all, count) => all + count, 0), 0);
  const rows: [string, (one: Version) => number][] = [
    ['entries', (one) => one.summary.entries], ['people', (one) => one.summary.people], ['ghosts', (one) => one.summary.ghosts], ['messages', (one) => one.messages], ['held', (one) => held(one.summary)],
    ['week', (one) => one.most_in_a_week], ['active', (one) => one.summary.active], ...after.summary.goals.map((goal): [string, (one: Version) => number] => [`goal ${goal.name}`, (one) => one.summary.goals.find((each) => each.name === goal.name)?.reached ?? 0]),
  ];
  const difference = result.differences;
  const steps = [...new Set([...(before?.summary.steps ?? []), ...after.summary.steps].map((step) => step.id))];
  return (
    <Stack>
      <Text>{t('backtest.over', { events: after.events.toLocaleString(), from: dayjs(after.from).format('D MMM YYYY'), to: dayjs(after.to).format('D MMM YYYY') })}</Text>
      {difference !== undefined && (
        <Paper withBorder p="md">
          <Title order={2} mb="xs">{t('backtest.differences')}</Title>
          <SimpleGrid cols={{ base: 2, sm: 5 }}>
            {(['only_before', 'only_after', 'differing', 'other_times', 'same'] as const).map((key) => <div key={key}><Text size="xs" c="dimmed">{t(`backtest.${key}`)}</Text><Text fw={600} size="lg" className="numbers">{difference[key].toLocaleString()}</Text></div>)}
          </SimpleGrid>
          {difference.examples.length > 0 && <List size="sm" mt="sm">{difference.examples.slice(0, 20).map((one, index) => <List.Item key={index}><b>{one.who}</b>: {one.differs.join('; ')}</List.Item>)}</List>}
        </Paper>
      )}
      <Scroll label={t('backtest.figure')}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('backtest.figure')}</Table.Th>{before !== undefined && <Table.Th ta="right">{t('backtest.before')}</Table.Th>}<Table.Th ta="right">{t('backtest.after')}</Table.Th>{before !== undefined && <Table.Th ta="right">{t('backtest.change')}</Table.Th>}</Table.Tr></Table.Thead>
          <Table.Tbody>
            {rows.map(([key, of]) => <Compared key={key} label={key.startsWith('goal ') ? t('test.kinds.goal', { goal: key.slice(5) }) : t(`backtest.rows.${key}`)} before={before === undefined ? undefined : of(before)} after={of(after)} />)}
          </Table.Tbody>
        </Table>
      </Scroll>
      <Title order={2}>{t('report.steps')}</Title>
      <Scroll label={t('report.steps')}>
        <Table>
          <Table.Tbody>
            {steps.map((id) => <Compared key={id} label={id.replaceAll('_', ' ')} before={before === undefined ? undefined : (before.summary.steps.find((step) => step.id === id)?.reached ?? 0)} after={after.summary.steps.find((step) => step.id === id)?.reached ?? 0} />)}
          </Table.Tbody>
        </Table>
      </Scroll>
      {Object.keys(after.summary.refused).length > 0 && <Group gap="xs">{Object.entries(after.summary.refused).map(([reason, count]) => <Badge key={reason} variant="light" color="gray">{t('backtest.refused', { reason: reason.replaceAll('_', ' '), count })}</Badge>)}</Group>}
    </Stack>
  );
}

function Compared({ label, before, after }: { label: string; before: number | undefined; after: number }) {
  const change = before === undefined ? 0 : after - before;
  return (
    <Table.Tr>
      <Table.Td>{label}</Table.Td>
      {before !== undefined && <Table.Td ta="right" className="numbers">{before.toLocaleString()}</Table.Td>}
      <Table.Td ta="right" className="numbers">{after.toLocaleString()}</Table.Td>
      {before !== undefined && <Table.Td ta="right" className="numbers">{change === 0 ? '–' : `${change > 0 ? '+' : '−'}${Math.abs(change).toLocaleString()}`}</Table.Td>}
    </Table.Tr>
  );
}
