import { Alert, Button, Card, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import type { Moment, Profile } from '../../parts/subject/types';
import { usePages } from '../../parts/usePages';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';

/** By what somebody is known, who became them, and why. */
export function Identity({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const may = useMay('admin');
  const path = `/api/people/${profile.id}/timeline?kind=merged&kind=unmerged`;
  const merges = usePages<Moment>(path, {}, { cursor: 'before', limit: 20 });
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
      <Asked query={merges.query} lines={1}>
        {() => (merges.rows.length === 0 ? <Text size="sm" c="dimmed">{t('identity.none')}</Text> : (
          <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('identity.merges')}>
            {merges.rows.map((one) => (
              <li key={one.number}>
                <Text size="sm">{one.text ?? words(one.kind)}</Text>
                <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}><Ago time={one.time} />{[one.why, ...Object.entries(one.data).filter(([, held]) => typeof held === 'string').map(([name, held]) => `${words(name).toLowerCase()} ${String(held)}`)].filter(Boolean).map((text) => ` · ${text}`)}</Text>
              </li>
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
