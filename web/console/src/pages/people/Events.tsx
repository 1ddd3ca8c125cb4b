import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { IconBolt } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { usePages } from '../../parts/usePages';

interface Raw { position: number; time: number; source: string; event: { type: string; event?: string; name?: string; properties?: unknown; traits?: unknown } }

/** The events of a person as they came in. */
export function Events({ id }: { id: string }) {
  const { t } = useTranslation('subject');
  const listed = usePages<Raw>(`/api/people/${id}/events`, {}, { cursor: 'before', limit: 30 });
  return (
    <Asked query={listed.query}>
      {() => (listed.rows.length === 0 ? <Empty icon={IconBolt} title={t('events.empty')} /> : (
        <Stack gap="xs">
          {listed.rows.map((one) => (
            <div key={one.position}>
              <Group justify="space-between"><Text size="sm" fw={500}>{one.event.event ?? one.event.name ?? one.event.type}</Text><Text size="xs" c="dimmed">{one.source} · <Ago time={one.time} /></Text></Group>
              <Code block fz="xs" tabIndex={0} style={{ maxHeight: 130, overflow: 'auto' }}>{JSON.stringify(one.event.properties ?? one.event.traits ?? {}, null, 1)}</Code>
            </div>
          ))}
          {listed.more && <Group><Button variant="default" size="xs" loading={listed.loading} onClick={listed.next}>{t('common:parts.more')}</Button></Group>}
        </Stack>
      ))}
    </Asked>
  );
}
