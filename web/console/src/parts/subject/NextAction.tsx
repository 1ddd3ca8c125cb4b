import { Badge, Button, Card, Group, Menu, Modal, Stack, Table, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../Ago';
import { Why } from '../Why';
import { words } from '../words';
import type { Profile } from './types';

interface Considered { action: string; title: string; score: number; known: boolean; cost: number; tried: number; rewarded: number; reason: string | null }
interface Answered { at: number; answer: string; action: string; by: string }
interface Next { action: string; reason: string; confidence: 'none' | 'low' | 'medium' | 'high'; policy: string | null; as_of: number; actions: Considered[]; answered: Answered | null }

/** What would be done for somebody now, and why; a person accepts it, takes another, or refuses. */
export function NextAction({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const client = useQueryClient();
  const may = useMay('editor');
  const [refusing, setRefusing] = useState(false);
  const [reason, setReason] = useState('');
  const path = `/api/people/${profile.id}/next-best-action`;
  const query = useQuery({ queryKey: [path], queryFn: () => call<Next>('GET', path), retry: false });
  const answer = useMutation({
    mutationFn: (body: { answer: string; action?: string; reason?: string }) => call('POST', path, body),
    onSuccess: async () => {
      setRefusing(false);
      notifications.show({ message: t('next.noted') });
      await client.invalidateQueries({ queryKey: [path] });
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  const held = query.data;
  if (held === undefined || held.actions.length === 0) return null;
  const title = (name: string) => held.actions.find((one) => one.action === name)?.title || words(name);
  const others = held.actions.filter((one) => one.action !== held.action && one.reason === null);
  return (
    <Card withBorder padding="md" component="section" aria-label={t('next.title')}>
      <Stack gap="xs">
        <Group justify="space-between" wrap="nowrap">
          <Text fw={600} size="sm">{t('next.title')}</Text>
          <Badge variant="light" tt="none" color={held.confidence === 'high' ? 'teal' : 'gray'} className="band">{t(`next.confidence.${held.confidence}`)}</Badge>
        </Group>
        <Text>{held.action === 'nothing' ? t('next.nothing') : title(held.action)}</Text>
        <Group gap={4}>
          <Text size="xs" c="dimmed">{words(held.reason)}</Text>
          <Why about={t('next.title')}>
            <Table aria-label={t('next.considered')} fz="xs" verticalSpacing={2}>
              <Table.Thead><Table.Tr><Table.Th scope="col">{t('next.action')}</Table.Th><Table.Th scope="col" ta="right">{t('next.tried')}</Table.Th><Table.Th scope="col">{t('next.why_not')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {held.actions.map((one) => (
                  <Table.Tr key={one.action}><Table.Td>{one.title || words(one.action)}</Table.Td><Table.Td ta="right" className="numbers">{one.rewarded}/{one.tried}</Table.Td><Table.Td>{one.reason === null ? '' : words(one.reason).toLowerCase()}</Table.Td></Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Why>
        </Group>
        {held.answered !== null && <Text size="xs" c="dimmed">{t('next.answered', { answer: t(`next.answers.${held.answered.answer}`, { defaultValue: held.answered.answer }), action: title(held.answered.action), by: held.answered.by })} <Ago time={held.answered.at} /></Text>}
        {may && (
          <Group gap="xs">
            <Button size="xs" loading={answer.isPending} disabled={held.action === 'nothing'} onClick={() => answer.mutate({ answer: 'accept' })}>{t('next.accept')}</Button>
            {others.length > 0 && (
              <Menu>
                <Menu.Target><Button size="xs" variant="default">{t('next.change')}</Button></Menu.Target>
                <Menu.Dropdown>{others.map((one) => <Menu.Item key={one.action} onClick={() => answer.mutate({ answer: 'change', action: one.action })}>{one.title || words(one.action)}</Menu.Item>)}</Menu.Dropdown>
              </Menu>
            )}
            <Button size="xs" variant="default" disabled={held.action === 'nothing'} onClick={() => setRefusing(true)}>{t('next.refuse')}</Button>
          </Group>
        )}
      </Stack>
      <Modal opened={refusing} onClose={() => setRefusing(false)} title={t('next.refuse')} closeButtonProps={{ 'aria-label': t('common:parts.close') }}>
        <Stack>
          <Textarea label={t('next.because')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
          <Group justify="flex-end"><Button onClick={() => answer.mutate({ answer: 'refuse', reason })}>{t('next.refuse')}</Button></Group>
        </Stack>
      </Modal>
    </Card>
  );
}
