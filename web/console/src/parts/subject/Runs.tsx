import { Anchor, Badge, Stack, Table, Text } from '@mantine/core';
import { IconRoute } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { relative, words } from '../words';
import { plural, type Run } from './types';

/** The journeys somebody is in or was in. */
export function Runs({ id, of }: { id: string; of: 'person' | 'account' }) {
  const { t } = useTranslation('subject');
  const listed = usePages<Run>(`/api/${plural(of)}/${id}/runs`, {}, { cursor: 'before', limit: 30 });
  return (
    <Asked query={listed.query}>
      {() => (listed.rows.length === 0 ? <Empty icon={IconRoute} title={t('runs.empty')} /> : (
        <Table aria-label={t('runs.title')} fz="sm" verticalSpacing={6}>
          <Table.Thead><Table.Tr><Table.Th scope="col">{t('runs.journey')}</Table.Th><Table.Th scope="col">{t('runs.where')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('runs.began')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {listed.rows.map((one) => (
              <Table.Tr key={one.id}>
                <Table.Td>
                  <Anchor component={Link} to={`/journeys/${one.journey}`} size="sm">{words(one.journey)}</Anchor>
                  {one.ghost !== null && <Badge ml={6} size="xs" variant="light" color="gray" tt="none">{t('runs.ghost')}</Badge>}
                  <Text size="xs" c="dimmed">{one.trigger}</Text>
                </Table.Td>
                <Table.Td>
                  {one.ended !== null ? t('runs.ended', { reason: words(one.reason ?? '').toLowerCase() }) : (
                    <Stack gap={0}><Text size="sm">{words(one.step ?? '')}</Text>{one.until !== null && <Text size="xs" c="dimmed">{t('runs.until', { when: relative(one.until) })}</Text>}</Stack>
                  )}
                </Table.Td>
                <Table.Td visibleFrom="sm"><Ago time={one.started} /></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      ))}
    </Asked>
  );
}
