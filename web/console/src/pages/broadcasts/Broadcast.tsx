import { Alert, Anchor, Badge, Button, Checkbox, Group, Paper, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { Time } from '../journeys/People';
import { Scroll } from '../journeys/Scroll';
import { at, type BroadcastShown, COLOURS, useBroadcast } from './data';

/** One broadcast: its size to be acknowledged, its course, what came of it. */
export function BroadcastPage() {
  const { name = '' } = useParams();
  const { t } = useTranslation('broadcasts');
  const broadcast = useBroadcast(name);
  return (
    <Page
      name="broadcasts" title={name.replaceAll('_', ' ')}
      detail={broadcast.data !== undefined && <Badge mt={4} variant="light" color={COLOURS[broadcast.data.state]}>{t(`states.${broadcast.data.state}`)}</Badge>}
    >
      <Asked query={broadcast}>{(held) => <Shown one={held} />}</Asked>
    </Page>
  );
}

function Shown({ one }: { one: BroadcastShown }) {
  const { t } = useTranslation('broadcasts');
  const client = useQueryClient();
  const may = useMay('publisher');
  const [seen, setSeen] = useState(false);
  const [busy, setBusy] = useState('');
  const [failed, setFailed] = useState<unknown>();
  const size = one.audience?.size ?? 0;
  const act = async (action: string, body: object = {}) => {
    setBusy(action);
    setFailed(undefined);
    try {
      const done = await call<{ effects: { kind: string; data: Record<string, unknown> }[] }>('POST', at(one.name), { action, ...body });
      const refused = done.effects.find((effect) => effect.kind === 'broadcast_refused' || effect.data.action === 'refused');
      notifications.show(refused === undefined ? { message: t(`acted.${action}`) } : { color: 'red', message: t('page.refused', { reason: String(refused.data.reason ?? '').replaceAll('_', ' ') }) });
      await client.invalidateQueries({ queryKey: ['broadcast', one.name] });
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy('');
    }
  };
  const waits = one.state === 'planned' || one.state === 'refused';
  const under = one.state === 'scheduled' || one.state === 'sending' || one.state === 'testing';
  const sent = one.variants.reduce((sum, each) => sum + each.sent, 0);
  return (
    <Stack>
      {failed !== undefined && <Problem error={failed} />}
      {one.state === 'refused' && <Alert color="red" title={t('page.larger')}>{t('page.larger_more', { acknowledged: one.acknowledged?.toLocaleString(), size: size.toLocaleString() })}</Alert>}
      {waits && (
        <Paper withBorder p="md" maw={640}>
          <Stack>
            <div><Text size="sm" c="dimmed">{t('page.now')}</Text><Text fz={28} fw={600} className="numbers">{t('wizard.people', { count: size })}</Text></div>
            {Object.keys(one.audience?.variants ?? {}).length > 1 && <Text size="sm">{Object.entries(one.audience?.variants ?? {}).map(([template, count]) => `${template}: ${count.toLocaleString()}`).join(' · ')}{(one.audience?.test ?? 0) > 0 ? ` · ${t('page.in_test', { count: one.audience?.test })}` : ''}</Text>}
            {may && <Checkbox label={t('page.acknowledge', { count: size })} checked={seen} onChange={(event) => setSeen(event.currentTarget.checked)} />}
            <Group>{may && <Button disabled={!seen || size === 0} loading={busy === 'acknowledge'} onClick={() => void act('acknowledge', { size })}>{one.planned !== null && one.planned > Date.now() ? t('page.schedule') : t('page.start')}</Button>}</Group>
          </Stack>
        </Paper>
      )}
      {may && (under || one.state === 'paused') && (
        <Group>
          {under && <Button variant="default" loading={busy === 'pause'} onClick={() => void act('pause')}>{t('page.pause')}</Button>}
          {one.state === 'paused' && <Button loading={busy === 'resume'} onClick={() => void act('resume')}>{t('page.resume')}</Button>}
          <Button variant="light" color="red" loading={busy === 'cancel'} onClick={() => void act('cancel')}>{t('page.cancel')}</Button>
        </Group>
      )}
      {!waits && (
        <Stack gap="xs">
          <SimpleGrid cols={{ base: 2, sm: 4 }}>
            <Figure label={t('page.size')} value={one.size ?? 0} /><Figure label={t('list.sent')} value={sent} />
            {one.at !== null && <div><Text size="xs" c="dimmed">{t('list.when')}</Text><Time at={one.at} /></div>}
          </SimpleGrid>
          {(one.size ?? 0) > 0 && <Progress value={(sent / (one.size ?? 1)) * 100} aria-label={t('page.progress')} />}
          <Table maw={640}>
            <Table.Thead><Table.Tr><Table.Th>{t('wizard.template')}</Table.Th><Table.Th ta="right">{t('list.sent')}</Table.Th><Table.Th ta="right">{t('page.won')}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
            <Table.Tbody>
              {one.variants.map((each) => (
                <Table.Tr key={each.template}><Table.Td>{each.template}</Table.Td><Table.Td ta="right" className="numbers">{each.sent.toLocaleString()}</Table.Td><Table.Td ta="right" className="numbers">{each.won.toLocaleString()}</Table.Td>
                  <Table.Td ta="right">{may && one.state === 'testing' && <Button size="compact-xs" variant="default" onClick={() => void act('winner', { variant: each.template })}>{t('page.winner')}</Button>}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      )}
      {!waits && <Messages name={one.name} />}
    </Stack>
  );
}

function Figure({ label, value }: { label: string; value: number }) {
  return <div><Text size="xs" c="dimmed">{label}</Text><Text fw={600} size="lg" className="numbers">{value.toLocaleString()}</Text></div>;
}

interface MessageShown { number: number; decision: string; person: string | null; template: string | null; status: string; reason: string | null; time: number }

/** The latest messages of the broadcast, sent and held. */
function Messages({ name }: { name: string }) {
  const { t } = useTranslation('broadcasts');
  const messages = useQuery({ queryKey: ['broadcast messages', name], refetchInterval: 5_000, queryFn: ({ signal }) => call<{ items: MessageShown[] }>('GET', `/api/messages?journey=${encodeURIComponent(`broadcast ${name}`)}&limit=50`, undefined, signal) });
  return (
    <Stack gap="xs">
      <Title order={2}>{t('page.messages')}</Title>
      <Asked query={messages}>
        {(held) => held.items.length === 0 ? <Text size="sm" c="dimmed">{t('page.none')}</Text> : (
          <Scroll label={t('page.messages')}>
            <Table verticalSpacing={4}>
              <Table.Tbody>{held.items.map((each) => <Table.Tr key={each.number}><Table.Td>{each.person === null ? '' : <Anchor size="sm" component={Link} to={`/people/${each.person}`}>{each.person.slice(0, 8)}</Anchor>}</Table.Td><Table.Td>{each.template}</Table.Td><Table.Td><Badge variant="light" color={each.decision === 'held' ? 'yellow' : 'gray'}>{(each.reason || each.status || each.decision).replaceAll('_', ' ')}</Badge></Table.Td><Table.Td>{<Time at={each.time} />}</Table.Td></Table.Tr>)}</Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Asked>
    </Stack>
  );
}
