import { Button, Code, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { usePages } from '../../parts/usePages';

interface Entry { number: number; at: number; key: string; who: string | null; action: string; target: string; result: string; detail: Record<string, unknown> }

/** Who did what, when, and what came of it. */
export function Audit() {
  const { t } = useTranslation('settings');
  const [action, setAction] = useState('');
  const [asked] = useDebouncedValue(action.trim(), 250);
  const listed = usePages<Entry>('/api/audit', { action: asked === '' ? null : asked }, { cursor: 'before' });
  return (
    <Stack>
      <TextInput maw={320} label={t('audit.action')} description={t('audit.action_how')} value={action} onChange={(event) => setAction(event.currentTarget.value)} />
      <Asked query={listed.query}>
        {() => (
          <>
            <Table.ScrollContainer minWidth={0} type="native">
              <Table aria-label={t('tabs.audit')} fz="sm">
                <Table.Thead><Table.Tr><Table.Th scope="col">{t('audit.when')}</Table.Th><Table.Th scope="col">{t('audit.who')}</Table.Th><Table.Th scope="col">{t('audit.what')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('audit.result')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {listed.rows.map((one) => (
                    <Table.Tr key={one.number}>
                      <Table.Td><Ago time={one.at} /></Table.Td><Table.Td>{one.who ?? one.key}</Table.Td>
                      <Table.Td>{one.action} <Code style={{ overflowWrap: 'anywhere' }}>{one.target}</Code>{Object.keys(one.detail).length > 0 && <Text size="xs" c="dimmed">{Object.entries(one.detail).map(([name, held]) => `${name} ${String(held)}`).join(' · ')}</Text>}</Table.Td>
                      <Table.Td visibleFrom="sm">{one.result}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            {listed.rows.length === 0 && <Text size="sm" c="dimmed">{t('audit.none')}</Text>}
            {listed.more && <Group><Button variant="default" size="xs" loading={listed.loading} onClick={listed.next}>{t('common:parts.more')}</Button></Group>}
          </>
        )}
      </Asked>
    </Stack>
  );
}
