import { Badge, Button, Card, Group, Modal, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconMail } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { exact, words } from '../words';
import type { Message } from './types';

const STATUS: Record<string, string> = { delivered: 'teal', opened: 'teal', clicked: 'teal', sent: 'blue', bounced: 'red', failed: 'red', complained: 'red', held: 'gray', expired: 'gray' };

/** What was decided to be sent to somebody, what became of it, and how it looked. */
export function Messages({ id }: { id: string }) {
  const { t } = useTranslation('subject');
  const listed = usePages<Message>(`/api/people/${id}/messages`, {}, { cursor: 'before', limit: 25 });
  return (
    <Asked query={listed.query}>
      {() => (listed.rows.length === 0 ? <Empty icon={IconMail} title={t('messages.empty')} /> : (
        <Stack gap="xs">
          <Table.ScrollContainer minWidth={0} type="native">
            <Table aria-label={t('messages.title')} fz="sm" verticalSpacing={6}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">{t('messages.message')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('messages.journey')}</Table.Th>
                  <Table.Th scope="col">{t('messages.status')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('messages.when')}</Table.Th><Table.Th scope="col" />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {listed.rows.map((one) => (
                  <Table.Tr key={`${one.number} ${one.effect}`}>
                    <Table.Td>{words(one.template ?? '')} <Text span inherit c="dimmed">{one.channel}</Text></Table.Td>
                    <Table.Td visibleFrom="sm">{words(one.journey)}</Table.Td>
                    <Table.Td><Badge variant="light" tt="none" radius="sm" fw={500} color={STATUS[one.status] ?? 'gray'} className="band">{one.reason === null ? words(one.status) : `${words(one.status)}: ${words(one.reason).toLowerCase()}`}</Badge></Table.Td>
                    <Table.Td visibleFrom="sm"><Ago time={one.time} /></Table.Td>
                    <Table.Td ta="right">{one.decision === 'message' && <Rendered one={one} />}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {listed.more && <Group><Button variant="default" size="xs" loading={listed.loading} onClick={listed.next}>{t('common:parts.more')}</Button></Group>}
        </Stack>
      ))}
    </Asked>
  );
}

interface Shown { subject: string | null; title: string | null; body: string | null; html: string | null; text: string | null; buttons: string[]; missing: string | null }

/** A message as it was rendered for whom it was meant. */
function Rendered({ one }: { one: Message }) {
  const { t } = useTranslation('subject');
  const [opened, shown] = useDisclosure();
  const [width, setWidth] = useState('wide');
  const query = useQuery({ queryKey: ['rendered', one.effect], queryFn: () => call<Shown>('GET', `/api/messages/${one.effect}/rendered`), enabled: opened });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={shown.open} aria-label={t('messages.open', { name: words(one.template ?? ''), when: exact(one.time) })}>{t('messages.look')}</Button>
      <Modal opened={opened} onClose={shown.close} size="xl" title={words(one.template ?? '')} closeButtonProps={{ 'aria-label': t('common:parts.close') }}>
        <Asked query={query}>
          {(held) => (
            <Stack>
              {held.subject !== null && <Text fw={600}>{held.subject}</Text>}
              {held.html !== null ? (
                <>
                  <SegmentedControl size="xs" value={width} onChange={setWidth} data={[{ value: 'wide', label: t('messages.wide') }, { value: 'phone', label: t('messages.phone') }]} aria-label={t('messages.width')} />
                  <iframe sandbox="" srcDoc={held.html} title={words(one.template ?? '')} style={{ border: '1px solid var(--mantine-color-default-border)', borderRadius: 6, width: width === 'phone' ? 375 : '100%', maxWidth: '100%', height: '60vh', margin: '0 auto', background: 'var(--mantine-color-white)' }} />
                </>
              ) : (
                <Card withBorder>
                  {held.title !== null && <Text fw={600}>{held.title}</Text>}
                  <Text component="pre" size="sm" style={{ whiteSpace: 'pre-wrap', fontFamily: 'inherit' }}>{held.body ?? held.text ?? held.missing}</Text>
                  <Group mt="xs">{held.buttons.map((label) => <Badge key={label} tt="none">{label}</Badge>)}</Group>
                </Card>
              )}
            </Stack>
          )}
        </Asked>
      </Modal>
    </>
  );
}
