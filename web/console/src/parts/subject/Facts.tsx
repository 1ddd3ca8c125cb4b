import { Card, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { value, words } from '../words';

/** Names with their values; what is unknown is left out unless asked for. */
export function Facts({ title, held, pending = [] }: { title: string; held: Record<string, unknown>; pending?: string[] }) {
  const { t } = useTranslation('subject');
  const [sought, setSought] = useState('');
  const [all, setAll] = useState(false);
  const rows = Object.entries(held).filter(
    ([name, one]) => words(name).toLowerCase().includes(sought.toLowerCase()) && (all || (one !== null && one !== 0 && one !== false)),
  );
  return (
    <Card withBorder padding="md">
      <Stack gap="xs">
        <Text fw={600} size="sm">{title}</Text>
        {Object.keys(held).length > 12 && (
          <>
            <TextInput size="xs" leftSection={<IconSearch size={14} aria-hidden />} aria-label={t('facts.find', { title })} value={sought} onChange={(event) => setSought(event.currentTarget.value)} />
            <Switch size="xs" label={t('facts.all')} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
          </>
        )}
        <Table aria-label={title} verticalSpacing={3} fz="sm" layout="fixed">
          <Table.Tbody>
            {rows.map(([name, one]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={400} c="dimmed" style={{ overflowWrap: 'anywhere' }}>{words(name)}</Table.Th>
                <Table.Td className="numbers" style={{ overflowWrap: 'anywhere' }}>{pending.includes(name) ? t('facts.pending') : value(one, t, name)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {rows.length === 0 && <Text size="sm" c="dimmed">{t('facts.empty')}</Text>}
      </Stack>
    </Card>
  );
}
