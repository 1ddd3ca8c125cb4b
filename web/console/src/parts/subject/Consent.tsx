import { Badge, Card, Select, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../Asked';
import { words } from '../words';

interface Status { channel: string; category: string | null; status: string | null; allowed: boolean; required: boolean }

/** What somebody agreed to, by channel and category. */
export function Consent({ id }: { id: string }) {
  const { t } = useTranslation('subject');
  const client = useQueryClient();
  const may = useMay('editor');
  const path = `/api/people/${id}/consent`;
  const query = useQuery({ queryKey: [path], queryFn: () => call<{ statuses: Status[] }>('GET', path) });
  const say = useMutation({
    mutationFn: (said: { channel: string; category: string; status: string }) => call('PUT', path, { ...said, source: 'console' }),
    onSuccess: () => client.invalidateQueries({ queryKey: [path] }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <Card withBorder padding="md">
      <Text fw={600} size="sm" mb="xs">{t('consent.title')}</Text>
      <Asked query={query}>
        {({ statuses }) => {
          const kinds = [...new Set(statuses.map((one) => one.category).filter((one) => one !== null))];
          const channels = [...new Set(statuses.map((one) => one.channel))];
          return (
            <Stack gap="xs">
              <Table.ScrollContainer minWidth={0} type="native">
                <Table aria-label={t('consent.title')} fz="sm" verticalSpacing={4}>
                  <Table.Thead><Table.Tr><Table.Th scope="col">{t('consent.channel')}</Table.Th>{kinds.map((kind) => <Table.Th key={kind} scope="col">{words(kind)}</Table.Th>)}</Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {channels.map((channel) => (
                      <Table.Tr key={channel}>
                        <Table.Th scope="row" fw={400}>{words(channel)}</Table.Th>
                        {kinds.map((kind) => {
                          const held = statuses.find((one) => one.channel === channel && one.category === kind);
                          if (held === undefined) return <Table.Td key={kind} />;
                          const colour = held.allowed ? 'teal' : 'gray';
                          return (
                            <Table.Td key={kind}>
                              {held.required || !may ? <Badge size="sm" variant="light" color={colour} tt="none" className="band">{t(held.required ? 'consent.always' : held.allowed ? 'consent.yes' : 'consent.no')}</Badge> : (
                                <Select
                                  size="xs" w={146} allowDeselect={false} aria-label={t('consent.of', { channel: words(channel), category: words(kind) })} value={held.status ?? (held.allowed ? 'default_in' : 'default_out')}
                                  data={[
                                    ...(held.status === null ? [{ value: held.allowed ? 'default_in' : 'default_out', label: t(held.allowed ? 'consent.unsaid_yes' : 'consent.unsaid_no') }] : []),
                                    { value: 'in', label: t('consent.yes') }, { value: 'out', label: t('consent.no') },
                                  ]}
                                  onChange={(status) => { if (status === 'in' || status === 'out') say.mutate({ channel, category: kind, status }); }}
                                />
                              )}
                            </Table.Td>
                          );
                        })}
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </Stack>
          );
        }}
      </Asked>
    </Card>
  );
}
