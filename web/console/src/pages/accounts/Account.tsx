import { Card, Grid, Group, Progress, Stack, Table, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams, useSearchParams } from 'react-router';

import { call } from '../../api/client';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { BandBadge } from '../../parts/Band';
import { type Column, DataTable } from '../../parts/DataTable';
import { Money } from '../../parts/Money';
import { Page } from '../../parts/Page';
import { Facts } from '../../parts/subject/Facts';
import { Known } from '../../parts/subject/Head';
import { Notes, Pulse } from '../../parts/subject/Notes';
import { Runs } from '../../parts/subject/Runs';
import { ScoreCard, ScoreLine } from '../../parts/subject/Scores';
import { Standing } from '../../parts/subject/Standing';
import { SubjectTasks } from '../../parts/subject/Tasks';
import { Timeline } from '../../parts/subject/Timeline';
import { called, type Profile, type Subject, where } from '../../parts/subject/types';
import { useLive } from '../../parts/subject/useLive';
import { usePages } from '../../parts/usePages';
import { count, day, percent, words } from '../../parts/words';
import { Forecast } from './Forecast';

const TABS = ['members', 'timeline', 'health', 'notes', 'tasks', 'journeys', 'signals'];

/** An account: its people, its contract, its use against the cap, what is foretold, and what was done. */
export function AccountPage() {
  const { t } = useTranslation('subject');
  const { id = '' } = useParams();
  const [held, setHeld] = useSearchParams();
  const tab = TABS.find((one) => one === held.get('tab')) ?? 'members';
  const query = useQuery({ queryKey: ['account', id], queryFn: () => call<Profile>('GET', `/api/accounts/${id}`) });
  useLive(id, () => void query.refetch());
  const profile = query.data;
  return (
    <Page name="accounts" title={profile === undefined ? '…' : called(profile)} detail={profile === undefined ? undefined : <Known profile={profile} />}>
      <Asked query={query} lines={12}>
        {(one) => (
          <Grid gap="md">
            <Grid.Col span={{ base: 12, md: 4 }} order={2}>
              <Stack gap="md">
                <Contract profile={one} />
                <Card withBorder padding="md">
                  <Stack gap={6}>
                    <Text fw={600} size="sm">{t('scores')}</Text>
                    {Object.entries(one.scores).map(([name, score]) => <ScoreLine key={name} name={name} score={score} />)}
                  </Stack>
                </Card>
                <Pulse profile={one} />
                <Forecast profile={one} />
                <Standing profile={one} />
                <Facts title={t('traits')} held={one.traits} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 8 }} order={1}>
              <Tabs value={tab} onChange={(value) => setHeld({ tab: value ?? 'members' }, { replace: true })} keepMounted={false}>
                <Tabs.List mb="sm">{TABS.map((name) => <Tabs.Tab key={name} value={name} px="xs">{t(`tabs.${name}`)}</Tabs.Tab>)}</Tabs.List>
                <Tabs.Panel value="members"><Members id={id} /></Tabs.Panel>
                <Tabs.Panel value="timeline"><Timeline id={id} of="account" /></Tabs.Panel>
                <Tabs.Panel value="health"><Stack>{Object.keys(one.scores).map((name) => <ScoreCard key={name} profile={one} name={name} />)}</Stack></Tabs.Panel>
                <Tabs.Panel value="notes"><Notes profile={one} /></Tabs.Panel>
                <Tabs.Panel value="tasks"><SubjectTasks id={id} of="account" /></Tabs.Panel>
                <Tabs.Panel value="journeys"><Runs id={id} of="account" /></Tabs.Panel>
                <Tabs.Panel value="signals"><Facts title={t('signals')} held={one.signals} pending={one.pending} /></Tabs.Panel>
              </Tabs>
            </Grid.Col>
          </Grid>
        )}
      </Asked>
    </Page>
  );
}

type Member = Subject & { role: string | null };

function Members({ id }: { id: string }) {
  const { t } = useTranslation('subject');
  const listed = usePages<Member>(`/api/accounts/${id}/members`);
  const below = usePages<Subject>(`/api/accounts/${id}/below`);
  const columns: Column<Member>[] = [
    { key: 'name', title: t('list.name'), render: called, sort: called },
    { key: 'role', title: t('members.role'), render: (row) => row.role ?? '', sort: (row) => row.role },
    { key: 'stage', title: t('list.stage'), render: (row) => Object.values(row.stages).map((one) => (one === null ? '–' : words(one))).join(', '), sort: (row) => Object.values(row.stages)[0] },
    { key: 'health', title: t('members.health'), render: (row) => <BandBadge of="health" band={row.bands.health ?? Object.values(row.bands)[0]} />, sort: (row) => row.bands.health },
  ];
  return (
    <Stack>
      <Asked query={listed.query}>
        {() => (listed.rows.length === 0 ? <Text size="sm" c="dimmed">{t('members.none')}</Text>
          : <DataTable label={t('tabs.members')} columns={columns} rows={listed.rows} id={(row) => row.id} href={where} more={listed.more} onMore={listed.next} loading={listed.loading} />)}
      </Asked>
      {below.rows.length > 0 && (
        <>
          <Text fw={600} size="sm">{t('members.below')}</Text>
          <DataTable label={t('members.below')} columns={columns.filter((one) => ['name', 'stage'].includes(one.key)) as unknown as Column<Subject>[]} rows={below.rows} id={(row) => row.id} href={where} keys={false} />
        </>
      )}
    </Stack>
  );
}

/** What a trait holds by any of its usual names. */
function first(traits: Record<string, unknown>, names: string[]): unknown {
  return names.map((name) => traits[name]).find((held) => held !== undefined && held !== null && held !== '');
}

function Contract({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const { traits, signals } = profile;
  const worth = first(traits, ['contract_value', 'arr', 'acv', 'mrr']);
  const plan = first(traits, ['contract_plan', 'plan']);
  const ends = first(traits, ['contract_end', 'renewal_date']);
  const at = typeof ends === 'number' ? ends : typeof ends === 'string' ? Date.parse(ends) : NaN;
  const used = Object.entries(signals).filter(([name, held]) => /cap_used$/.test(name) && typeof held === 'number') as [string, number][];
  const amount = (name: string) => signals[name] as number | null | undefined;
  return (
    <Card withBorder padding="md" component="section" aria-label={t('contract.title')}>
      <Text fw={600} size="sm" mb={4}>{t('contract.title')}</Text>
      <Table fz="sm" verticalSpacing={3} aria-label={t('contract.title')}>
        <Table.Tbody>
          <Table.Tr><Table.Th scope="row" fw={400} c="dimmed">{t('contract.plan')}</Table.Th><Table.Td>{plan === undefined ? t('common:parts.unknown') : words(String(plan))}</Table.Td></Table.Tr>
          <Table.Tr><Table.Th scope="row" fw={400} c="dimmed">{t('contract.worth')}</Table.Th><Table.Td><Money value={typeof worth === 'number' ? worth : null} /></Table.Td></Table.Tr>
          <Table.Tr><Table.Th scope="row" fw={400} c="dimmed">{t('contract.ends')}</Table.Th><Table.Td>{Number.isNaN(at) ? t('common:parts.unknown') : <>{day(at)} (<Ago time={at} />)</>}</Table.Td></Table.Tr>
          <Table.Tr><Table.Th scope="row" fw={400} c="dimmed">{t('contract.owner')}</Table.Th><Table.Td>{String(first(traits, ['owner']) ?? t('tasks.nobody'))}</Table.Td></Table.Tr>
        </Table.Tbody>
      </Table>
      {used.map(([name, share]) => {
        const stem = name.replace(/cap_used$/, '');
        const [now, cap] = [amount(`${stem}usage_used`), amount(`${stem}usage_cap`)];
        return (
          <Stack key={name} gap={4} mt="sm">
            <Group justify="space-between"><Text size="sm">{t('contract.use')}</Text><Text size="sm" className="numbers">{now != null && cap != null ? t('contract.of', { used: count(now), cap: count(cap), share: percent(share) }) : percent(share)}</Text></Group>
            <Progress value={Math.min(share, 1) * 100} color={share >= 1 ? 'red' : share >= 0.8 ? 'orange' : 'teal'} aria-label={t('contract.use')} />
          </Stack>
        );
      })}
    </Card>
  );
}
