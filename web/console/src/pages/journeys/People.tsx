import { Anchor, Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { Problem } from '../../shell/Broken';
import { at, type Items, type RunNow } from './data';
import type { Figures } from './StepPanel';

/** How many are at a step now, how many came by, who they are. */
export function Here({ journey, step, count, figures }: { journey: string; step: string; count: number; figures: Figures | null }) {
  const { t } = useTranslation('journeys');
  const [shown, setShown] = useState(false);
  const ended = figures?.ended[step] ?? 0;
  const passed = figures?.passed[step];
  return (
    <Stack gap="xs" className="part">
      <Group gap="lg">
        <Figure label={t('people.here')} value={count} />
        {passed !== undefined && <Figure label={t('people.passed')} value={passed} />}
        {passed !== undefined && <Figure label={t('people.ended')} value={ended} />}
      </Group>
      {count > 0 && <Group><Button size="xs" variant="default" onClick={() => setShown(!shown)} aria-expanded={shown}>{t(shown ? 'people.hide' : 'people.show')}</Button></Group>}
      {shown && <Runs journey={journey} step={step} brief />}
    </Stack>
  );
}

function Figure({ label, value }: { label: string; value: number }) {
  return <div><Text size="xs" c="dimmed">{label}</Text><Text fw={600} className="numbers">{value.toLocaleString()}</Text></div>;
}

const PAGE = 50;

/** Who is inside, each with their step and what comes next; a name leads to the profile. */
export function Runs({ journey, step, brief = false }: { journey: string; step?: string; brief?: boolean }) {
  const { t } = useTranslation('journeys');
  const asked = useInfiniteQuery({
    queryKey: ['runs', journey, step ?? ''], initialPageParam: 0, refetchInterval: 10_000,
    queryFn: ({ pageParam, signal }) => call<Items<RunNow>>('GET', `${at(journey)}/runs?limit=${PAGE}&after=${pageParam}${step === undefined ? '' : `&step=${encodeURIComponent(step)}`}`, undefined, signal),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  if (asked.isError) return <Problem error={asked.error} />;
  const runs = asked.data?.pages.flatMap((page) => page.items) ?? [];
  if (asked.data !== undefined && runs.length === 0) return <Text size="sm" c="dimmed">{t('people.nobody')}</Text>;
  return (
    <Stack gap="xs">
      <Table.ScrollContainer minWidth={brief ? 260 : 560}>
        <Table verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th>{t('people.who')}</Table.Th>{!brief && <Table.Th>{t('people.step')}</Table.Th>}<Table.Th>{t('people.since')}</Table.Th><Table.Th>{t('people.due')}</Table.Th>{!brief && <Table.Th>{t('people.version')}</Table.Th>}</Table.Tr></Table.Thead>
          <Table.Tbody>
            {runs.map((run) => (
              <Table.Tr key={run.id}>
                <Table.Td><Anchor component={Link} size="sm" to={run.of === 'account' ? `/accounts/${run.subject}` : `/people/${run.subject}`}>{run.subject.slice(0, 8)}</Anchor>{run.ghost && <Badge ml={6} size="xs" variant="light" color="gray">{t('people.ghost')}</Badge>}</Table.Td>
                {!brief && <Table.Td>{run.step.replaceAll('_', ' ')}</Table.Td>}
                <Table.Td><Time at={run.since} /></Table.Td>
                <Table.Td>{run.due === null ? <Text size="sm" c="dimmed" component="span">{t('people.no_due')}</Text> : <Time at={run.due} />}</Table.Td>
                {!brief && <Table.Td className="numbers">{run.version}</Table.Td>}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {asked.hasNextPage && <Group><Button size="xs" variant="default" loading={asked.isFetchingNextPage} onClick={() => void asked.fetchNextPage()}>{t('people.more')}</Button></Group>}
    </Stack>
  );
}

export function Time({ at: time }: { at: number }) {
  return <time dateTime={new Date(time).toISOString()} title={dayjs(time).format('YYYY-MM-DD HH:mm:ss')}>{dayjs(time).format('D MMM HH:mm')}</time>;
}
