import { Anchor, Badge, Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import { IconArrowsCross } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';

interface Competing { name: string; title: string; of: string; priority: number; inside: number; channels: string[]; topics: string[]; intents: string[]; caps: string[]; held: Record<string, number> }
interface Pair { one: string; other: string; both: number; channels: string[]; topics: string[]; conflicts: string[][]; caps: string[]; first: string | null }
interface Cap { name: string; limit: number; per: string; channel: string | null; category: string | null; journeys: string[] }
interface Found { journeys: Competing[]; pairs: Pair[]; caps: Cap[]; minimum_gap: string | null }

/** Journeys that compete for the same people, channels and caps, and who gives way. */
export function Conflicts() {
  const { t } = useTranslation('journeys');
  const asked = useQuery({ queryKey: ['conflicts'], queryFn: ({ signal }) => call<Found>('GET', '/api/journeys/conflicts', undefined, signal), refetchInterval: 30_000 });
  return (
    <Page name="journeys" title={t('conflicts.title')} detail={t('conflicts.detail')} actions={<Button component={Link} to="/journeys" variant="default">{t('conflicts.back')}</Button>}>
      <Asked query={asked}>
        {(found) => {
          const title = new Map(found.journeys.map((one) => [one.name, one.title]));
          const link = (name: string) => <Anchor component={Link} size="sm" to={`/journeys/${encodeURIComponent(name)}`}>{title.get(name) ?? name}</Anchor>;
          return (
            <Stack>
              <Title order={2}>{t('conflicts.pairs')}</Title>
              {found.pairs.length === 0 ? <Empty icon={IconArrowsCross} title={t('conflicts.none')}>{t('conflicts.none_more')}</Empty> : (
                <Table.ScrollContainer minWidth={720} maxHeight={460}>
                  <Table stickyHeader>
                    <Table.Thead><Table.Tr><Table.Th>{t('conflicts.journeys')}</Table.Th><Table.Th ta="right">{t('conflicts.both')}</Table.Th><Table.Th>{t('conflicts.share')}</Table.Th><Table.Th>{t('conflicts.first')}</Table.Th></Table.Tr></Table.Thead>
                    <Table.Tbody>
                      {found.pairs.map((pair) => (
                        <Table.Tr key={`${pair.one} ${pair.other}`}>
                          <Table.Td><Stack gap={10}>{link(pair.one)}{link(pair.other)}</Stack></Table.Td>
                          <Table.Td ta="right" className="numbers">{pair.both.toLocaleString()}</Table.Td>
                          <Table.Td><Marks pair={pair} /></Table.Td>
                          <Table.Td>{pair.first === null ? <Text size="sm" c="dimmed">{t('conflicts.neither')}</Text> : (title.get(pair.first) ?? pair.first)}</Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
              )}
              <Title order={2}>{t('conflicts.each')}</Title>
              <Table.ScrollContainer minWidth={720}>
                <Table>
                  <Table.Thead><Table.Tr><Table.Th>{t('list.journey')}</Table.Th><Table.Th ta="right">{t('fields.priority')}</Table.Th><Table.Th ta="right">{t('list.inside')}</Table.Th><Table.Th>{t('conflicts.channels')}</Table.Th><Table.Th>{t('conflicts.topics')}</Table.Th><Table.Th>{t('conflicts.held')}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {[...found.journeys].sort((a, b) => b.priority - a.priority).map((one) => (
                      <Table.Tr key={one.name}>
                        <Table.Td>{link(one.name)}</Table.Td><Table.Td ta="right" className="numbers">{one.priority}</Table.Td><Table.Td ta="right" className="numbers">{one.inside.toLocaleString()}</Table.Td>
                        <Table.Td>{one.channels.join(', ')}</Table.Td><Table.Td>{[...one.topics, ...one.intents].join(', ')}</Table.Td>
                        <Table.Td>{Object.entries(one.held).map(([reason, count]) => `${reason.replaceAll('_', ' ')} ${count.toLocaleString()}`).join(', ')}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {found.caps.length > 0 && <Title order={2}>{t('conflicts.caps')}</Title>}
              {found.caps.map((cap) => <Text key={cap.name} size="sm"><b>{cap.name.replaceAll('_', ' ')}</b>: {t('conflicts.cap', { limit: cap.limit, per: cap.per, scope: [cap.channel, cap.category].filter(Boolean).join(', ') || t('conflicts.everything') })} · {cap.journeys.map((name) => title.get(name) ?? name).join(', ')}</Text>)}
              {found.minimum_gap !== null && <Text size="sm">{t('conflicts.gap', { time: found.minimum_gap })}</Text>}
            </Stack>
          );
        }}
      </Asked>
    </Page>
  );
}

function Marks({ pair }: { pair: Pair }) {
  const { t } = useTranslation('journeys');
  return (
    <Group gap={4}>
      {pair.conflicts.map((both) => <Badge key={both.join()} size="sm" variant="light" color="red">{t('conflicts.against', { both: both.join(' / ') })}</Badge>)}
      {pair.topics.map((one) => <Badge key={one} size="sm" variant="light" color="orange">{t('conflicts.topic', { topic: one })}</Badge>)}
      {pair.caps.map((one) => <Badge key={one} size="sm" variant="light" color="yellow">{t('conflicts.in_cap', { cap: one.replaceAll('_', ' ') })}</Badge>)}
      {pair.channels.map((one) => <Badge key={one} size="sm" variant="light" color="gray">{one}</Badge>)}
    </Group>
  );
}
