import { Badge, Card, Group, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Asked } from '../../parts/Asked';
import { useWorkspace } from '../../parts/Money';
import { count, exact } from '../../parts/words';

interface Status { position: number; time: number; folded: number; fold_lag: number; history_lag: number; waiting_bytes: number; ready: boolean; fold_connected: boolean; delivery_connected: boolean }

/** What runs, and how far it is. */
export function Service() {
  const { t } = useTranslation('settings');
  const query = useQuery({ queryKey: ['status'], queryFn: () => call<Status>('GET', '/api/status'), refetchInterval: 5_000 });
  const workspace = useWorkspace();
  return (
    <Stack maw={640}>
      <Card withBorder padding="md">
        <Title order={2} mb="xs">{workspace?.workspace.title ?? workspace?.name}</Title>
        <Text size="sm" c="dimmed">{t('service.version', { version: workspace?.version ?? '' })} · {workspace?.workspace.timezone} · {workspace?.workspace.currency}</Text>
      </Card>
      <Asked query={query}>
        {(one) => (
          <Card withBorder padding="md">
            <Group gap="xs" mb="xs">
              {(['ready', 'fold_connected', 'delivery_connected'] as const).map((name) => <Badge key={name} className="band" variant="light" tt="none" color={one[name] ? 'teal' : 'red'}>{t(`service.${name}`)}: {t(one[name] ? 'common:parts.yes' : 'common:parts.no')}</Badge>)}
            </Group>
            <Table fz="sm" aria-label={t('tabs.service')}>
              <Table.Tbody>
                {(['position', 'fold_lag', 'history_lag', 'waiting_bytes'] as const).map((name) => <Table.Tr key={name}><Table.Th scope="row" fw={400} c="dimmed">{t(`service.${name}`)}</Table.Th><Table.Td className="numbers">{count(one[name])}</Table.Td></Table.Tr>)}
                <Table.Tr><Table.Th scope="row" fw={400} c="dimmed">{t('service.time')}</Table.Th><Table.Td>{exact(one.time)}</Table.Td></Table.Tr>
              </Table.Tbody>
            </Table>
          </Card>
        )}
      </Asked>
    </Stack>
  );
}
