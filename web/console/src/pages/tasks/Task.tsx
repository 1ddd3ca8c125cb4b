import { Alert, Anchor, Badge, Button, Card, Group, Menu, Stack, Table, Text, Textarea, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconMessageCircle } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { useMay, useSession } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { called, where } from '../../parts/subject/types';
import { exact, value, words } from '../../parts/words';
import { Clock } from './Clock';
import type { TaskFull } from './types';

const SNOOZES = ['2h', '1d', '3d', '1w'];

/** One task: why it is there, what to say, and what came of it. */
export function Task({ id }: { id: string }) {
  const { t } = useTranslation('tasks');
  const client = useQueryClient();
  const me = useSession()?.member;
  const by = me?.acts_as || me?.email;
  const may = useMay('editor');
  const [note, setNote] = useState('');
  const query = useQuery({ queryKey: ['task', id], queryFn: () => call<TaskFull>('GET', `/api/tasks/${id}`) });
  const change = useMutation({
    mutationFn: (body: Record<string, unknown>) => call<{ effects?: { kind: string; data: Record<string, unknown> }[] }>('POST', `/api/tasks/${id}`, { by, ...(note.trim() === '' ? {} : { note: note.trim() }), ...body }),
    onSuccess: async (_, body) => {
      setNote('');
      notifications.show({ message: t(`done.${String(body.action)}`) });
      await Promise.all([client.invalidateQueries({ queryKey: ['task', id] }), client.invalidateQueries({ queryKey: ['/api/tasks'] }), client.invalidateQueries({ queryKey: ['/api/tasks/history'] })]);
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <Asked query={query} lines={8}>
      {({ task, moments, open }) => {
        const begun = moments.find((one) => one.kind === 'task');
        const held = (begun?.data ?? {}) as { evidence?: Record<string, unknown>; talk_track?: string; journey?: string };
        const subject = open?.subject;
        return (
          <Card withBorder padding="lg" component="article" aria-label={task.title ?? words(task.kind)}>
            <Stack gap="md">
              <Group justify="space-between" align="flex-start">
                <div>
                  <Title order={2}>{task.title ?? words(task.kind)}</Title>
                  <Text size="sm" c="dimmed">
                    <Anchor component={Link} to={where({ id: task.subject, of: task.of })} inherit underline="always">{subject === undefined || subject === null ? t(`of.${task.of}`) : called(subject)}</Anchor>
                    {' · '}{task.reason}{' · '}{t('opened')} <Ago time={task.opened} />
                  </Text>
                </div>
                {open != null ? <Clock opened={open.opened} due={open.due} /> : <Badge variant="light" color="gray" tt="none" className="band">{words(task.outcome ?? '')}</Badge>}
              </Group>
              {held.talk_track !== undefined && <Alert variant="light" icon={<IconMessageCircle aria-hidden />} title={t('talk_track')}>{held.talk_track}</Alert>}
              {held.evidence !== undefined && (
                <div>
                  <Text fw={600} size="sm" mb={4}>{t('evidence')}</Text>
                  <Table fz="sm" verticalSpacing={3} aria-label={t('evidence')}>
                    <Table.Tbody>
                      {Object.entries(held.evidence).filter(([, one]) => one !== null).map(([name, one]) => (
                        <Table.Tr key={name}><Table.Th scope="row" fw={400} c="dimmed">{words(name)}</Table.Th><Table.Td className="numbers">{value(one, t, name)}</Table.Td></Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </div>
              )}
              {may && open != null && (
                <Stack gap="xs">
                  <Textarea label={t('note')} value={note} onChange={(event) => setNote(event.currentTarget.value)} autosize minRows={2} />
                  <Group gap="xs">
                    {open.outcomes.map((outcome, at) => <Button key={outcome} size="xs" variant={at === 0 ? 'filled' : 'default'} loading={change.isPending} onClick={() => change.mutate({ action: 'close', outcome })}>{words(outcome)}</Button>)}
                    <Menu>
                      <Menu.Target><Button size="xs" variant="default">{t('snooze')}</Button></Menu.Target>
                      <Menu.Dropdown>{SNOOZES.map((one) => <Menu.Item key={one} onClick={() => change.mutate({ action: 'snooze', for: one })}>{t(`snoozes.${one}`)}</Menu.Item>)}</Menu.Dropdown>
                    </Menu>
                    {open.owner !== by && <Button size="xs" variant="default" onClick={() => change.mutate({ action: 'claim' })}>{t('claim')}</Button>}
                    <Button size="xs" variant="default" disabled={note.trim() === ''} onClick={() => change.mutate({ action: 'note' })}>{t('add_note')}</Button>
                  </Group>
                </Stack>
              )}
              <div>
                <Text fw={600} size="sm" mb={4}>{t('history')}</Text>
                <Stack gap={4}>
                  {moments.map((one) => (
                    <Text key={`${one.number} ${one.kind}`} size="sm">
                      {t(`moments.${one.kind}`, { defaultValue: words(one.kind), by: String(one.data.by ?? ''), to: String(one.data.to ?? one.data.owner ?? ''), outcome: words(String(one.data.outcome ?? '')), until: typeof one.data.until === 'number' ? exact(one.data.until) : '' })}
                      {typeof one.data.note === 'string' && <Text span inherit>: {one.data.note}</Text>} <Text span size="xs" c="dimmed"><Ago time={one.time} /></Text>
                    </Text>
                  ))}
                </Stack>
                {held.journey !== undefined && <Anchor size="sm" component={Link} to={`/journeys/${held.journey}`}>{t('journey', { name: words(held.journey) })}</Anchor>}
              </div>
            </Stack>
          </Card>
        );
      }}
    </Asked>
  );
}
