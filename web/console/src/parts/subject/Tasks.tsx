import { Anchor, Badge, Group, Stack, Text } from '@mantine/core';
import { IconListCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { words } from '../words';
import { plural } from './types';

interface Task { id: string; kind: string; title: string | null; reason: string | null; owner: string | null; opened: number; overdue: boolean; closed: number | null; outcome: string | null }

/** What people had to do about somebody, and what came of it. */
export function SubjectTasks({ id, of }: { id: string; of: 'person' | 'account' }) {
  const { t } = useTranslation('subject');
  const listed = usePages<Task>(`/api/${plural(of)}/${id}/tasks`, {}, { cursor: 'before', limit: 30 });
  return (
    <Asked query={listed.query}>
      {() => (listed.rows.length === 0 ? <Empty icon={IconListCheck} title={t('tasks.empty')} /> : (
        <Stack gap="xs">
          {listed.rows.map((one) => (
            <Group key={one.id} justify="space-between" wrap="nowrap" align="flex-start">
              <div>
                <Anchor component={Link} to={`/tasks/${one.id}`} size="sm">{one.title ?? words(one.kind)}</Anchor>
                <Text size="xs" c="dimmed">{one.reason} · {one.owner ?? t('tasks.nobody')} · <Ago time={one.opened} /></Text>
              </div>
              <Badge variant="light" tt="none" radius="sm" fw={500} className="band" color={one.closed !== null ? 'gray' : one.overdue ? 'red' : 'blue'}>
                {one.closed !== null ? words(one.outcome ?? 'closed') : t(one.overdue ? 'tasks.overdue' : 'tasks.open')}
              </Badge>
            </Group>
          ))}
        </Stack>
      ))}
    </Asked>
  );
}
