import { Alert, Button, Card, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { ConfirmButton } from '../../parts/ConfirmButton';
import type { Profile } from '../../parts/subject/types';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';

interface Merge { number: number; time: number; into: string; was: string; rule: string | null; by: string | null; undone: number | null; identifiers: Record<string, string[]> }

/** By what somebody is known, who became them, and how that is undone. */
export function Identity({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const client = useQueryClient();
  const may = useMay('admin');
  const path = `/api/people/${profile.id}/merges`;
  const merges = useQuery({ queryKey: [path], queryFn: () => call<{ items: Merge[] }>('GET', path) });
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" mb="xs"><Text fw={600} size="sm">{t('identity.title')}</Text>{may && <MergeWith profile={profile} />}</Group>
      <Table aria-label={t('identity.title')} fz="sm" verticalSpacing={3}>
        <Table.Tbody>
          {Object.entries(profile.identifiers).map(([kind, held]) => (
            <Table.Tr key={kind}><Table.Th scope="row" fw={400} c="dimmed">{words(kind)}</Table.Th><Table.Td style={{ overflowWrap: 'anywhere' }}>{held.join(', ')}</Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text fw={600} size="sm" mt="md" mb={4}>{t('identity.merges')}</Text>
      <Asked query={merges} lines={1}>
        {({ items }) => (items.length === 0 ? <Text size="sm" c="dimmed">{t('identity.none')}</Text> : (
          <Stack gap="xs">
            {items.map((one) => (
              <Group key={one.number} justify="space-between" wrap="nowrap">
                <div>
                  <Text size="sm">{Object.values(one.identifiers).flat().join(', ') || one.was}</Text>
                  <Text size="xs" c="dimmed"><Ago time={one.time} />{one.rule !== null && ` · ${one.rule}`}{one.undone !== null && ` · ${t('identity.undone')}`}</Text>
                </div>
                {may && one.undone === null && (
                  <ConfirmButton
                    size="compact-xs" variant="default" label={t('identity.unmerge')} question={t('identity.unmerge_sure')} confirm={t('identity.unmerge')}
                    onConfirm={async () => { await call('POST', `/api/people/${profile.id}/unmerge`, { was: one.was }); await client.invalidateQueries(); }}
                  >{t('identity.unmerge_why')}</ConfirmButton>
                )}
              </Group>
            ))}
          </Stack>
        ))}
      </Asked>
    </Card>
  );
}

function MergeWith({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const client = useQueryClient();
  const go = useNavigate();
  const [opened, shown] = useDisclosure();
  const [kind, setKind] = useState<string | null>('email');
  const [value, setValue] = useState('');
  const [failed, setFailed] = useState<unknown>();
  const own = Object.entries(profile.identifiers)[0];
  const merge = async () => {
    try {
      await call('POST', '/api/people/merge', { members: [{ [own?.[0] ?? 'user_id']: own?.[1][0] }, { [kind ?? 'email']: value.trim() }] });
      shown.close();
      await client.invalidateQueries();
      const found = await call<{ id: string }>('GET', `/api/people/lookup?value=${encodeURIComponent(own?.[1][0] ?? '')}`);
      await go(`/people/${found.id}`);
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={shown.open}>{t('identity.merge')}</Button>
      <Modal opened={opened} onClose={shown.close} title={t('identity.merge')} closeButtonProps={{ 'aria-label': t('common:parts.close') }}>
        <Stack>
          <Alert color="gray" variant="light">{t('identity.merge_why')}</Alert>
          {failed !== undefined && <Problem error={failed} />}
          <Group align="flex-end" wrap="nowrap">
            <Select w={130} label={t('identity.kind')} data={['email', 'user_id', 'anonymous_id', 'phone']} value={kind} onChange={setKind} allowDeselect={false} />
            <TextInput flex={1} label={t('identity.value')} value={value} onChange={(event) => setValue(event.currentTarget.value)} />
          </Group>
          <Group justify="flex-end"><Button disabled={value.trim() === ''} onClick={() => void merge()}>{t('identity.merge')}</Button></Group>
        </Stack>
      </Modal>
    </>
  );
}
