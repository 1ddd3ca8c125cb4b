import { Anchor, Card, SegmentedControl, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { count, day, percent, words } from '../../parts/words';
import type { Home } from '../home/types';
import { useJourneys } from './data';

const DAY_MS = 86_400_000;
const DECIDED = ['more', 'less', 'same'];

interface Effect { arm: string; metric: string; verdict: string; sentence: string; n: number; effect: number | null; low: number | null; high: number | null }
interface Lift { sentence: string; tables: { effects?: Effect[] } }
interface Version { version: number; time?: number; at?: number; published?: number }

/** The first 30 and 60 days: what went live, what it changed against people held out, and what is undecided. */
export function Results() {
  const { t } = useTranslation('setup');
  const [days, setDays] = useState('30');
  const now = Date.now();
  const since = new Date(now - Number(days) * DAY_MS).toISOString().slice(0, 10);
  const lift = useQuery({
    queryKey: ['lift', since], staleTime: 300_000,
    queryFn: () => call<Lift>('POST', '/api/ask/lift', { every: 'journey', metrics: ['goal'], since }),
  });
  const home = useQuery({ queryKey: ['/api/home'], queryFn: () => call<Home>('GET', '/api/home') });
  const effects = lift.data?.tables.effects ?? [];
  return (
    <Page
      name="set_up" title={t('results.title')} detail={t('results.since', { when: day(now - Number(days) * DAY_MS) })}
      actions={<SegmentedControl size="xs" value={days} onChange={setDays} data={['30', '60'].map((one) => ({ value: one, label: t('results.days', { count: Number(one) }) }))} aria-label={t('results.over')} />}
    >
      <Live since={now - Number(days) * DAY_MS} />
      <Card withBorder padding="md" component="section" aria-label={t('results.changed')}>
        <Title order={2} mb="xs">{t('results.changed')}</Title>
        <Asked query={lift}>
          {() => <Effects rows={effects.filter((one) => DECIDED.includes(one.verdict))} none={t('results.nothing_changed')} />}
        </Asked>
      </Card>
      <Card withBorder padding="md" component="section" aria-label={t('results.undecided')}>
        <Title order={2} mb="xs">{t('results.undecided')}</Title>
        <Asked query={lift}>
          {() => <Effects rows={effects.filter((one) => !DECIDED.includes(one.verdict))} none={t(effects.length === 0 ? 'results.no_ghosts' : 'results.all_decided')} />}
        </Asked>
      </Card>
      <Asked query={home} lines={2}>
        {(held) => <Text size="sm" c="dimmed">{t('results.people', { people: count(held.people), accounts: count(held.accounts) })}</Text>}
      </Asked>
    </Page>
  );
}

function Effects({ rows, none }: { rows: Effect[]; none: string }) {
  const { t } = useTranslation('setup');
  if (rows.length === 0) return <Text size="sm" c="dimmed">{none}</Text>;
  return (
    <Stack gap="xs">
      {rows.map((one) => (
        <div key={`${one.arm} ${one.metric}`}>
          <Anchor component={Link} to={`/journeys/${one.arm}`} size="sm">{words(one.arm)}</Anchor>
          {one.effect !== null && one.low !== null && one.high !== null && <Text span size="sm"> {t('results.effect', { effect: percent(one.effect, 1), low: percent(one.low, 1), high: percent(one.high, 1) })}</Text>}
          <Text size="xs" c="dimmed">{one.sentence}</Text>
        </div>
      ))}
    </Stack>
  );
}

/** Journeys whose present version was put in force since a time. */
function Live({ since }: { since: number }) {
  const { t } = useTranslation('setup');
  const journeys = useJourneys();
  const names = (journeys.data ?? []).filter((one) => one.state === 'published').map((one) => one.name);
  const versions = useQuery({
    queryKey: ['versions', names], enabled: names.length > 0, staleTime: 300_000,
    queryFn: async () => Object.fromEntries(await Promise.all(names.map(async (name) => [name, await call<Version[]>('GET', `/api/journeys/${name}/versions`)] as const))),
  });
  const rows = (journeys.data ?? []).flatMap((one) => {
    const held = versions.data?.[one.name]?.find((version) => version.version === one.version);
    const time = held?.published ?? held?.time ?? held?.at;
    return time !== undefined && time >= since ? [{ ...one, time }] : [];
  });
  return (
    <Card withBorder padding="md" component="section" aria-label={t('results.live')}>
      <Title order={2} mb="xs">{t('results.live')}</Title>
      <Asked query={versions}>
        {() => (rows.length === 0 ? <Text size="sm" c="dimmed">{t('results.nothing_live')}</Text> : (
          <Table fz="sm" aria-label={t('results.live')}>
            <Table.Thead><Table.Tr><Table.Th scope="col">{t('results.journey')}</Table.Th><Table.Th scope="col" ta="right">{t('results.running')}</Table.Th><Table.Th scope="col">{t('results.when')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{rows.map((one) => <Table.Tr key={one.name}><Table.Td><Anchor component={Link} to={`/journeys/${one.name}`} size="sm">{one.title || words(one.name)}</Anchor></Table.Td><Table.Td ta="right" className="numbers">{count(one.running)}</Table.Td><Table.Td><Ago time={one.time} /></Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        ))}
      </Asked>
    </Card>
  );
}
