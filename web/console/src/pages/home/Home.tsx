import { Anchor, Badge, Box, Grid, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconMoodSmile } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { useSession } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { BandBadge } from '../../parts/Band';
import { Empty } from '../../parts/Empty';
import { Money } from '../../parts/Money';
import { Page } from '../../parts/Page';
import { called, where } from '../../parts/subject/types';
import { address } from '../../parts/usePages';
import { count, day, words } from '../../parts/words';
import { bandColour } from '../../theme';
import { Flow } from './Flow';
import { Part } from './Part';
import { Problems } from './Problems';
import type { Because, Home as Told, Mover } from './types';

const AGAIN_MS = 60_000;
const PENDING_MS = 3_000;

/** What changed since yesterday, and why it matters. */
export function Home() {
  const { t } = useTranslation('home');
  const me = useSession()?.member;
  const mine = me?.acts_as || me?.email;
  const [whose, setWhose] = useState<'all' | 'mine'>('all');
  const path = address('/api/home', { owner: whose === 'mine' ? mine : null });
  const query = useQuery({
    queryKey: [path], queryFn: () => call<Told>('GET', path), placeholderData: (before) => before,
    refetchInterval: (held) => (held.state.data?.lift.pending === true ? PENDING_MS : AGAIN_MS),
  });
  return (
    <Page
      name="home"
      detail={query.data === undefined ? t('why') : t('counts', { people: count(query.data.people), accounts: count(query.data.accounts) })}
      actions={<SegmentedControl size="xs" value={whose} onChange={(value) => setWhose(value as 'all' | 'mine')} data={[{ value: 'all', label: t('everyone') }, { value: 'mine', label: t('mine') }]} aria-label={t('whose')} />}
    >
      <Asked query={query} lines={12}>
        {(home) => (home.people === 0 && home.accounts === 0 ? <Nobody /> : (
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 8 }}><Flow home={home} /></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 4 }}><Stack gap="md"><Tasks tasks={home.tasks} /><Spread health={home.health} /></Stack></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}><Movers home={home} /></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}><Renewals home={home} /></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}><Lifts home={home} /></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}><Problems held={home.problems} /></Grid.Col>
          </Grid>
        ))}
      </Asked>
    </Page>
  );
}

function Nobody() {
  const { t } = useTranslation('home');
  return <Empty icon={IconMoodSmile} title={t('nobody')}><Anchor component={Link} to="/set-up">{t('nobody_how')}</Anchor></Empty>;
}

function Tasks({ tasks }: { tasks: Told['tasks'] }) {
  const { t } = useTranslation('home');
  return (
    <Part title={t('tasks.title')} detail={t('tasks.counts', tasks)} more={<Anchor component={Link} to="/tasks" size="sm">{t('all')}</Anchor>}>
      <Stack gap={8}>
        {tasks.items.slice(0, 5).map((one) => (
          <Group key={one.id} justify="space-between" wrap="nowrap" align="flex-start">
            <Box miw={0}>
              <Anchor component={Link} to={`/tasks/${one.id}`} size="sm">{words(one.kind)}</Anchor>
              <Text size="xs" c="dimmed" truncate>{called(one.subject)} · {one.reason}</Text>
            </Box>
            {one.due !== null && <Text size="xs" c={one.overdue ? 'var(--mantine-color-error)' : 'dimmed'} style={{ whiteSpace: 'nowrap' }}><Ago time={one.due} /></Text>}
          </Group>
        ))}
        {tasks.open === 0 && <Text size="sm" c="dimmed">{t('tasks.none')}</Text>}
      </Stack>
    </Part>
  );
}

function Spread({ health }: { health: Told['health'] }) {
  const { t } = useTranslation('home');
  return (
    <Part title={t('spread.title')}>
      <Stack gap="sm">
        {health.map((one) => {
          const parts = [...Object.entries(one.bands), ['unknown', one.unknown] as const].filter(([, held]) => held > 0);
          const all = parts.reduce((sum, [, held]) => sum + held, 0);
          return (
            <div key={one.name}>
              <Text size="sm" mb={4}>{words(one.name)}</Text>
              <Group gap={2} wrap="nowrap" h={10} mb={4} aria-hidden>
                {parts.map(([band, held]) => <Box key={band} h="100%" style={{ flex: held / all, borderRadius: 3, background: `var(--mantine-color-${bandColour(band, one.name)}-filled)` }} />)}
              </Group>
              <Group gap="sm">
                {parts.map(([band, held]) => (
                  <Anchor key={band} component={Link} size="xs" to={`/${one.of === 'account' ? 'accounts' : 'people'}?score=${one.name}&band=${band}`}>{words(band)} <span className="numbers">{count(held)}</span></Anchor>
                ))}
              </Group>
            </div>
          );
        })}
      </Stack>
    </Part>
  );
}

function Reasons({ because }: { because: Because[] }) {
  const { t } = useTranslation('home');
  if (because.length === 0) return null;
  return <Text size="xs" c="dimmed" truncate>{because.slice(0, 2).map((one) => t('because', { measure: words(one.measure).toLowerCase(), points: count(Math.abs(one.points), 1), way: one.points < 0 ? '−' : '+' })).join(', ')}</Text>;
}

function Movers({ home }: { home: Told }) {
  const { t } = useTranslation('home');
  const [days, setDays] = useState('7');
  const [of, setOf] = useState('account');
  const held = home.movers.find((one) => one.of === of && one.days === Number(days));
  const line = (one: Mover) => (
    <Group key={one.id} justify="space-between" wrap="nowrap">
      <Box miw={0}>
        <Anchor component={Link} to={where(one)} size="sm">{called(one)}</Anchor>
        <Reasons because={one.because} />
      </Box>
      <Group gap={6} wrap="nowrap">
        <Text size="sm" className="numbers">{one.change > 0 ? '+' : '−'}{count(Math.abs(one.change), 0)}</Text>
        <BandBadge band={one.bands[held?.score ?? '']} value={one.value} of={held?.score} />
      </Group>
    </Group>
  );
  return (
    <Part
      title={t('movers.title')} detail={held === undefined ? undefined : t('movers.known', { count: held.known, score: words(held.score).toLowerCase() })}
      more={<Group gap={4}>
        <SegmentedControl size="xs" value={of} onChange={setOf} data={[{ value: 'account', label: t('accounts') }, { value: 'person', label: t('people') }]} aria-label={t('movers.of')} />
        <SegmentedControl size="xs" value={days} onChange={setDays} data={[{ value: '1', label: t('movers.day') }, { value: '7', label: t('movers.week') }]} aria-label={t('movers.days')} />
      </Group>}
    >
      {held === undefined || held.down.length + held.up.length === 0 ? <Text size="sm" c="dimmed">{t('movers.none')}</Text> : (
        <Stack gap="xs">
          {held.down.length > 0 && <Text size="xs" fw={600} c="dimmed">{t('movers.down')}</Text>}
          {held.down.slice(0, 5).map(line)}
          {held.up.length > 0 && <Text size="xs" fw={600} c="dimmed">{t('movers.up')}</Text>}
          {held.up.slice(0, 3).map(line)}
        </Stack>
      )}
    </Part>
  );
}

function Renewals({ home }: { home: Told }) {
  const { t } = useTranslation('home');
  const { renewals } = home;
  const risky = ['at_risk', 'likely_churn'].reduce((sum, name) => sum + (renewals.classes[name]?.value ?? 0), 0);
  return (
    <Part title={t('renewals.title')} detail={renewals.known ? <>{t('renewals.at_risk', { count: renewals.at_risk })} <Money value={risky} /></> : undefined}>
      {!renewals.known ? <Text size="sm" c="dimmed">{t('renewals.unknown')}</Text> : renewals.items.length === 0 ? <Text size="sm" c="dimmed">{t('renewals.none')}</Text> : (
        <Stack gap="xs">
          {renewals.items.slice(0, 7).map((one) => (
            <Group key={one.id} justify="space-between" wrap="nowrap">
              <Box miw={0}>
                <Anchor component={Link} to={where(one)} size="sm">{called(one)}</Anchor>
                <Text size="xs" c="dimmed" truncate>{t('renewals.ends', { when: day(one.ends) })}{one.owner !== null && ` · ${one.owner}`}</Text>
                <Reasons because={one.because} />
              </Box>
              <Stack gap={2} align="flex-end">
                <Text size="sm"><Money value={one.worth} /></Text>
                <Badge variant="light" tt="none" radius="sm" fw={500} className="band" color={one.class === 'likely_churn' ? 'red' : 'orange'}>{t(`classes.${one.forecast ?? one.class}`, { defaultValue: words(one.forecast ?? one.class) })}</Badge>
              </Stack>
            </Group>
          ))}
        </Stack>
      )}
    </Part>
  );
}

const VERDICTS: Record<string, string> = { more: 'teal', less: 'red', same: 'gray', unclear: 'yellow', too_few: 'gray' };

function Lifts({ home }: { home: Told }) {
  const { t } = useTranslation('home');
  const { lift } = home;
  return (
    <Part title={t('lift.title')} detail={t('lift.why')} more={<Anchor component={Link} to="/analyses" size="sm">{t('all')}</Anchor>}>
      {lift.pending ? <Text size="sm" c="dimmed" role="status">{t('lift.pending')}</Text> : lift.items.length === 0 ? <Text size="sm" c="dimmed">{lift.missing ?? t('lift.none')}</Text> : (
        <Stack gap="xs">
          {[...lift.items].sort((one, other) => Object.keys(VERDICTS).indexOf(one.verdict) - Object.keys(VERDICTS).indexOf(other.verdict)).slice(0, 6).map((one) => (
            <div key={`${one.journey} ${one.metric}`}>
              <Group justify="space-between" wrap="nowrap">
                <Anchor component={Link} to={`/journeys/${one.journey}`} size="sm">{words(one.journey)}</Anchor>
                <Badge variant="light" tt="none" radius="sm" fw={500} className="band" color={VERDICTS[one.verdict] ?? 'gray'}>{t(`verdicts.${one.verdict}`)}</Badge>
              </Group>
              <Text size="xs" c="dimmed">{one.sentence}</Text>
            </div>
          ))}
        </Stack>
      )}
    </Part>
  );
}
