import { Button, Card, Group, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { type Role, useMay, useSession } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { Problem } from '../../shell/Broken';
import { Secret } from './Secret';

interface Member { id: string; name: string; email: string; role: Role; acts_as: string | null; password: boolean; seen: number | null; removed: number | null }
interface Invitation { token: string; expires: number; member: Member | null }
const ROLES: Role[] = ['viewer', 'editor', 'publisher', 'admin'];

/** Who works with the console, and what they may do. */
export function Members() {
  const { t } = useTranslation('settings');
  const client = useQueryClient();
  const admin = useMay('admin');
  const me = useSession()?.member;
  const [invited, setInvited] = useState<Invitation>();
  const [failed, setFailed] = useState<unknown>();
  const query = useQuery({ queryKey: ['members'], queryFn: () => call<Member[]>('GET', '/api/members') });
  const again = () => client.invalidateQueries({ queryKey: ['members'] });
  const form = useForm({ initialValues: { email: '', name: '', role: 'viewer' as Role } });
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
      await again();
    } catch (error) {
      notifications.show({ color: 'red', message: (error as Error).message });
    }
  };
  const invite = form.onSubmit(async (values) => {
    setFailed(undefined);
    try {
      setInvited(await call<Invitation>('POST', '/api/members', values));
      form.reset();
      await again();
    } catch (error) {
      setFailed(error);
    }
  });
  const roles = ROLES.map((one) => ({ value: one, label: t(`roles.${one}`) }));
  return (
    <Stack>
      {admin && (
        <Card withBorder padding="md">
          <form onSubmit={invite}>
            <Stack gap="sm">
              <Title order={2}>{t('members.invite')}</Title>
              <Group align="flex-end">
                <TextInput label={t('members.email')} type="email" required {...form.getInputProps('email')} />
                <TextInput label={t('members.name')} {...form.getInputProps('name')} />
                <Select label={t('members.role')} w={140} allowDeselect={false} data={roles} {...form.getInputProps('role')} />
                <Button type="submit">{t('members.do_invite')}</Button>
              </Group>
              <Text size="xs" c="dimmed">{t(`members.may.${form.values.role}`)}</Text>
              {failed !== undefined && <Problem error={failed} />}
              {invited !== undefined && (
                <Secret title={t('members.invited', { email: invited.member?.email ?? '' })} secret={`${window.location.origin}/setup#${invited.token}`}>
                  {t('members.link')} <Ago time={invited.expires} />
                </Secret>
              )}
            </Stack>
          </form>
        </Card>
      )}
      <Asked query={query}>
        {(members) => (
          <Table.ScrollContainer minWidth={0} type="native">
            <Table aria-label={t('tabs.members')} fz="sm">
              <Table.Thead><Table.Tr><Table.Th scope="col">{t('members.name')}</Table.Th><Table.Th scope="col">{t('members.role')}</Table.Th><Table.Th scope="col" visibleFrom="sm">{t('members.seen')}</Table.Th><Table.Th scope="col" /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {members.map((one) => (
                  <Table.Tr key={one.id}>
                    <Table.Td>{one.name || one.email}<Text size="xs" c="dimmed">{one.email}{one.acts_as !== null && ` · ${one.acts_as}`}</Text></Table.Td>
                    <Table.Td>
                      {admin && one.id !== me?.id
                        ? <Select size="xs" w={120} aria-label={t('members.role_of', { name: one.name || one.email })} allowDeselect={false} data={roles} value={one.role} onChange={(role) => void act(() => call('PATCH', `/api/members/${one.id}`, { role }))} />
                        : t(`roles.${one.role}`)}
                    </Table.Td>
                    <Table.Td visibleFrom="sm">{one.seen === null ? t('members.not_yet') : <Ago time={one.seen} />}</Table.Td>
                    <Table.Td ta="right">
                      {admin && one.id !== me?.id && (
                        <Group gap={4} justify="flex-end">
                          <Button size="compact-xs" variant="default" onClick={() => void act(async () => setInvited(await call<Invitation>('POST', `/api/members/${one.id}/invitation`)))}>{t('members.again')}</Button>
                          <ConfirmButton
                            size="compact-xs" variant="default" label={t('members.remove')} question={t('members.remove_sure', { name: one.name || one.email })} confirm={t('members.remove')}
                            onConfirm={async () => { await call('DELETE', `/api/members/${one.id}`); await again(); }}
                          >{t('members.remove_why')}</ConfirmButton>
                        </Group>
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
