import { Badge, Box, Card, Grid, Group, SegmentedControl, Select, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconListCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';

import { call } from '../../api/client';
import { useSession } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { called } from '../../parts/subject/types';
import { usePages } from '../../parts/usePages';
import { words } from '../../parts/words';
import { typing } from '../../shell/keys';
import { Clock } from './Clock';
import { Task } from './Task';
import type { OpenTask, Past } from './types';

const AGAIN_MS = 20_000;

/** What people have to do: theirs, everybody's, what is nobody's yet, and what was done. */
export function Inbox() {
  const { t } = useTranslation('tasks');
  const { id } = useParams();
  const go = useNavigate();
  const me = useSession()?.member;
  const mine = me?.acts_as || me?.email || '';
  const [which, setWhich] = useState('all');
  const [kind, setKind] = useState<string | null>(null);
  const owner = which === 'mine' ? mine : which === 'nobody' ? '' : which === 'all' || which === 'done' ? null : which;
  const open = usePages<OpenTask>('/api/tasks', { owner, kind, overdue: null }, { enabled: which !== 'done', every: AGAIN_MS });
  const past = usePages<Past>('/api/tasks/history', { open: false, kind }, { cursor: 'before', enabled: which === 'done' });
  const people = useQuery({ queryKey: ['/api/tasks/people'], queryFn: () => call<{ person: string; open: number }[]>('GET', '/api/tasks/people') });
  const rows = which === 'done' ? past.rows : [...open.rows].sort((one, other) => (one.due ?? Infinity) - (other.due ?? Infinity));
  const listed = which === 'done' ? past : open;
  const kinds = [...new Set(rows.map((one) => one.kind))];
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey || document.querySelector('[role=dialog]') !== null) return;
      const step = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
      if (step === 0 || rows.length === 0) return;
      const at = rows.findIndex((one) => one.id === id);
      const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
      if (next !== undefined) void go(`/tasks/${next.id}`, { replace: true });
    };
    window.addEventListener('keydown', heard);
    return () => window.removeEventListener('keydown', heard);
  }, [rows, id, go]);
  return (
    <Page
      name="tasks" detail={t('why')}
      actions={<>
        <SegmentedControl
          size="xs" value={['mine', 'all', 'nobody', 'done'].includes(which) ? which : 'all'} onChange={setWhich} aria-label={t('whose')}
          data={['mine', 'all', 'nobody', 'done'].map((one) => ({ value: one, label: t(`which.${one}`) }))}
        />
        <Select size="xs" w={150} clearable placeholder={t('owner')} aria-label={t('owner')} data={(people.data ?? []).map((one) => ({ value: one.person, label: `${one.person} (${one.open})` }))} value={owner === null || which === 'mine' || which === 'nobody' ? null : which} onChange={(value) => setWhich(value ?? 'all')} clearButtonProps={{ 'aria-label': t('clear') }} />
        <Select size="xs" w={170} clearable placeholder={t('kind')} aria-label={t('kind')} data={[...new Set([...kinds, ...(kind === null ? [] : [kind])])].map((one) => ({ value: one, label: words(one) }))} value={kind} onChange={setKind} clearButtonProps={{ 'aria-label': t('clear') }} />
      </>}
    >
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }} visibleFrom={id === undefined ? undefined : 'md'}>
          <Asked query={listed.query} lines={8}>
            {() => (rows.length === 0 ? <Empty icon={IconListCheck} title={t('empty')}>{t('empty_why')}</Empty> : (
              <Stack gap={4} component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('list')}>
                {rows.map((one) => <li key={one.id}><Line one={one} chosen={one.id === id} /></li>)}
                {listed.more && <li><UnstyledButton onClick={listed.next} c="var(--mantine-color-anchor)" fz="sm" p="xs">{t('common:parts.more')}</UnstyledButton></li>}
              </Stack>
            ))}
          </Asked>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          {id === undefined ? <Text size="sm" c="dimmed" visibleFrom="md" ta="center" pt="xl">{t('choose')}</Text> : <Task key={id} id={id} />}
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Line({ one, chosen }: { one: OpenTask | Past; chosen: boolean }) {
  const open = 'outcomes' in one;
  return (
    <Card
      component={Link} to={`/tasks/${one.id}`} withBorder padding="xs" aria-current={chosen ? 'true' : undefined}
      bg={chosen ? 'var(--mantine-color-default-hover)' : undefined} style={{ textDecoration: 'none', color: 'inherit' }}
    >
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Box miw={0}>
          <Text size="sm" fw={500} truncate>{words(one.kind)}</Text>
          <Text size="xs" c="dimmed" truncate>{open ? `${called(one.subject)} · ` : ''}{one.reason}</Text>
        </Box>
        <Stack gap={2} align="flex-end">
          {open ? <Clock opened={one.opened} due={one.due} /> : <Badge variant="light" tt="none" color="gray" className="band">{words(one.outcome ?? '')}</Badge>}
          <Text size="xs" c="dimmed">{one.owner ?? ''}</Text>
        </Stack>
      </Group>
    </Card>
  );
}
