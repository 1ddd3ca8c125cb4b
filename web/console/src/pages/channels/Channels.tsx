import { Alert, Badge, Button, Card, Code, Group, List, SimpleGrid, Stack, Switch, Table, Text, Title } from '@mantine/core';
import { IconAntennaBars5 } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { DraftBar } from '../definition/DraftBar';
import { ObjectEditor } from '../definition/ObjectEditor';
import { useObject } from '../definition/objects';
import { useDefinition } from '../journeys/names';

interface Channel { name: string; kind: string; provider: string | null; fallback: string | null; on: boolean; suppressed: number }
interface Verified { channel: string; ok: boolean; findings: { what: string; standing: string; said: string; fix: string; record: [string, string, string] | null }[] }
const COLOURS: Record<string, string> = { fine: 'teal', warning: 'yellow', wrong: 'red', unknown: 'gray' };

/** Ways to people: on or off, whether each works, and what people said yes and no to. */
export function Channels() {
  const { t } = useTranslation('channels');
  const query = useQuery({ queryKey: ['channels'], queryFn: ({ signal }) => call<Channel[]>('GET', '/api/channels', undefined, signal) });
  return (
    <Page name="channels" detail={t('detail')}>
      <DraftBar />
      <Asked query={query} lines={8}>
        {(all) => all.length === 0 ? <Empty icon={IconAntennaBars5} title={t('none')}>{t('none_why')}</Empty> : (
          <SimpleGrid cols={{ base: 1, lg: 2 }}>{all.map((one) => <One key={one.name} channel={one} />)}</SimpleGrid>
        )}
      </Asked>
      <Consent />
    </Page>
  );
}

function One({ channel }: { channel: Channel }) {
  const { t } = useTranslation('channels');
  const client = useQueryClient();
  const may = useMay('editor');
  const publisher = useMay('publisher');
  const turn = useMutation({
    mutationFn: (on: boolean) => call('POST', `/api/channels/${encodeURIComponent(channel.name)}`, { on }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['channels'] }),
  });
  const verify = useMutation({ mutationFn: () => call<Verified>('POST', `/api/channels/${encodeURIComponent(channel.name)}/verify`, {}) });
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <Group gap="xs"><Title order={2} size="h3">{words(channel.name)}</Title><Badge variant="light" color="gray">{words(channel.kind)}</Badge>{channel.provider !== null && <Badge variant="light" color="gray">{channel.provider}</Badge>}</Group>
          <Switch label={t('on')} checked={channel.on} disabled={!publisher || turn.isPending} onChange={(event) => turn.mutate(event.currentTarget.checked)} />
        </Group>
        <Text size="sm" c="dimmed">{t('suppressed', { count: channel.suppressed })}{channel.fallback !== null && ` · ${t('fallback', { channel: channel.fallback })}`}</Text>
        {turn.isError && <Problem error={turn.error} />}
        {verify.isError && <Problem error={verify.error} />}
        {verify.data !== undefined && <Findings found={verify.data} />}
        <Group justify="flex-end"><Button size="xs" variant="default" loading={verify.isPending} disabled={!may} onClick={() => verify.mutate()}>{t('verify')}</Button></Group>
      </Stack>
    </Card>
  );
}

function Findings({ found }: { found: Verified }) {
  const { t } = useTranslation('channels');
  return (
    <Alert color={found.ok ? 'teal' : 'red'} variant="light" title={t(found.ok ? 'works' : 'broken')} role="status">
      <List size="sm" spacing={6}>
        {found.findings.map((one) => (
          <List.Item key={`${one.what} ${one.said}`}>
            <Badge size="xs" variant="light" color={COLOURS[one.standing] ?? 'gray'} mr={6}>{one.what}</Badge>{one.said}
            {one.fix !== '' && <Text size="xs" c="dimmed">{one.fix}</Text>}
            {one.record !== null && <Code block mt={4}>{one.record.join('  ')}</Code>}
          </List.Item>
        ))}
        {found.findings.length === 0 && <List.Item>{t('nothing_to_look_at')}</List.Item>}
      </List>
    </Alert>
  );
}

interface Category { title?: string; description?: string; required?: boolean; default?: string; channels?: Record<string, string> }

function Consent() {
  const { t } = useTranslation('channels');
  const query = useDefinition();
  const held = useObject('consent', 'consent');
  return (
    <section aria-labelledby="consent">
      <Title order={2} id="consent" mb={4}>{t('consent')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('consent_why')}</Text>
      <Asked query={query}>
        {(found) => {
          const categories = ((found.workspace.consent as { categories?: Record<string, Category> } | undefined)?.categories ?? {});
          return (
            <Table.ScrollContainer minWidth={0} type="native" mb="md" tabIndex={0} role="group" aria-label={t('consent')}><Table aria-label={t('consent')}>
              <Table.Thead><Table.Tr><Table.Th scope="col">{t('category')}</Table.Th><Table.Th scope="col">{t('without')}</Table.Th><Table.Th scope="col">{t('by_channel')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {Object.entries(categories).map(([name, one]) => (
                  <Table.Tr key={name}>
                    <Table.Td><Text size="sm" fw={500}>{one.title ?? words(name)}</Text>{one.description !== undefined && <Text size="xs" c="dimmed">{one.description}</Text>}</Table.Td>
                    <Table.Td>{one.required === true ? <Badge variant="light" color="gray">{t('required')}</Badge> : t(`defaults.${one.default ?? 'opt_in'}`)}</Table.Td>
                    <Table.Td>{Object.entries(one.channels ?? {}).map(([channel, kind]) => <Badge key={channel} variant="light" color="gray" mr={4}>{words(channel)}: {t(`defaults.${kind}`)}</Badge>)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table></Table.ScrollContainer>
          );
        }}
      </Asked>
      {held.data !== undefined && held.data.current !== null && <ObjectEditor held={held.data} rows={5} />}
    </section>
  );
}
