import { Badge, Button, Card, Group, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { Problem } from '../../shell/Broken';
import { Secret } from './Secret';

interface Key { id: string; kind: 'write' | 'api'; hint: string; name: string; source: string | null; scope: string | null; created: number; used: number | null; expires: number | null; revoked: number | null }
interface Made { secret: string; key: Key }

/** Keys for events and for the API: made, rotated, revoked. */
export function Keys() {
  const { t } = useTranslation('settings');
  const client = useQueryClient();
  const [made, setMade] = useState<Made>();
  const [failed, setFailed] = useState<unknown>();
  const query = useQuery({ queryKey: ['keys'], queryFn: () => call<Key[]>('GET', '/api/keys') });
  const form = useForm({ initialValues: { kind: 'api', name: '', scope: 'read', source: 'website' } });
  const kind = form.values.kind;
  const again = () => client.invalidateQueries({ queryKey: ['keys'] });
  const make = form.onSubmit(async ({ name, scope, source }) => {
    setFailed(undefined);
    try {
      setMade(await call<Made>('POST', `/api/keys/${kind}`, kind === 'api' ? { name, scope } : { name, source }));
      form.setFieldValue('name', '');
      await again();
    } catch (error) {
      setFailed(error);
    }
  });
  return (
    <Stack>
      <Card withBorder padding="md">
        <form onSubmit={make}>
          <Stack gap="sm">
            <Title order={2}>{t('keys.make')}</Title>
            <Group align="flex-end">
              <Select label={t('keys.kind')} w={190} allowDeselect={false} data={[{ value: 'api', label: t('keys.api') }, { value: 'write', label: t('keys.write') }]} {...form.getInputProps('kind')} />
              <TextInput label={t('keys.name')} required {...form.getInputProps('name')} />
              {kind === 'api'
                ? <Select label={t('keys.scope')} w={140} allowDeselect={false} data={['read', 'write', 'admin'].map((one) => ({ value: one, label: t(`keys.scopes.${one}`) }))} {...form.getInputProps('scope')} />
                : <TextInput label={t('keys.source')} required {...form.getInputProps('source')} />}
              <Button type="submit">{t('keys.do_make')}</Button>
            </Group>
            {failed !== undefined && <Problem error={failed} />}
            {made !== undefined && <Secret title={t('keys.made', { name: made.key.name })} secret={made.secret} />}
          </Stack>
        </form>
      </Card>
      <Asked query={query}>
        {(keys) => (
          <Table.ScrollContainer minWidth={0} type="native">
            <Table aria-label={t('tabs.keys')} fz="sm">
              <Table.Thead><Table.Tr><Table.Th scope="col">{t('keys.name')}</Table.Th><Table.Th scope="col">{t('keys.kind')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('keys.used')}</Table.Th><Table.Th scope="col" /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {keys.map((one) => (
                  <Table.Tr key={one.id}>
                    <Table.Td>{one.name}<Text size="xs" c="dimmed">{one.hint}</Text></Table.Td>
                    <Table.Td>{t(`keys.${one.kind}`)}<Text size="xs" c="dimmed">{one.source ?? t(`keys.scopes.${one.scope}`)}</Text></Table.Td>
                    <Table.Td visibleFrom="sm">{one.used === null ? t('keys.never') : <Ago time={one.used} />}</Table.Td>
                    <Table.Td ta="right">
                      {one.revoked !== null ? <Badge variant="light" color="gray" tt="none" className="band">{t('keys.revoked')}</Badge> : (
                        <ConfirmButton
                          size="compact-xs" variant="default" label={t('keys.revoke')} aria-label={t('keys.revoke_of', { name: one.name })} question={t('keys.revoke_sure', { name: one.name })} confirm={t('keys.revoke')}
                          onConfirm={async () => { await call('DELETE', `/api/keys/${one.id}`); await again(); }}
                        >{t('keys.revoke_why')}</ConfirmButton>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Asked>
    </Stack>
  );
}
