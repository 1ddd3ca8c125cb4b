import { Button, Code, Group, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconInbox } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { usePages } from '../../parts/usePages';
import { exact, words } from '../../parts/words';

interface Letter { id: number; reason: string; at?: number; time?: number; detail?: string | null; event?: unknown; raw?: string }

/** Events that were not taken, each with the reason; what was mended is taken again. */
export function DeadLetters() {
  const { t } = useTranslation('settings');
  const client = useQueryClient();
  const listed = usePages<Letter>('/api/dead-letters');
  const replay = async (ids: number[]) => {
    try {
      await call('POST', '/api/dead-letters/replay', { ids });
      await client.invalidateQueries({ queryKey: ['/api/dead-letters'] });
    } catch (error) {
      notifications.show({ color: 'red', message: (error as Error).message });
    }
  };
  return (
    <Asked query={listed.query}>
      {() => (listed.rows.length === 0 ? <Empty icon={IconInbox} title={t('dead.none')}>{t('dead.none_why')}</Empty> : (
        <Stack>
          <Group><Button size="xs" variant="default" onClick={() => void replay(listed.rows.map((one) => one.id))}>{t('dead.all')}</Button></Group>
          <Table aria-label={t('tabs.dead-letters')} fz="sm">
            <Table.Tbody>
              {listed.rows.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td>{words(one.reason)}<Text size="xs" c="dimmed">{one.detail}{(one.at ?? one.time) !== undefined && ` · ${exact(one.at ?? one.time ?? 0)}`}</Text></Table.Td>
                  <Table.Td><Code block fz="xs" tabIndex={0} style={{ maxHeight: 100, overflow: 'auto' }}>{typeof one.raw === 'string' ? one.raw : JSON.stringify(one.event ?? {}, null, 1)}</Code></Table.Td>
                  <Table.Td ta="right"><Button size="compact-xs" variant="default" onClick={() => void replay([one.id])}>{t('dead.again')}</Button></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      ))}
    </Asked>
  );
}
