import { Button, Card, Group, PasswordInput, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { SESSION, useMay, useSession } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { Problem } from '../../shell/Broken';

interface Held { id: string; via: string; agent: string; created: number; seen: number; expires: number }

/** One's own password, name among the people who act, and sessions. */
export function Me() {
  const { t } = useTranslation('settings');
  const client = useQueryClient();
  const me = useSession()?.member;
  const admin = useMay('admin');
  const [failed, setFailed] = useState<unknown>();
  const [acts, setActs] = useState<string>();
  const sessions = useQuery({ queryKey: ['sessions'], queryFn: () => call<Held[]>('GET', '/api/sessions') });
  const form = useForm({ initialValues: { password: '', new: '' } });
  const change = form.onSubmit(async (values) => {
    setFailed(undefined);
    try {
      await call('PUT', '/api/members/me/password', values);
      form.reset();
      notifications.show({ message: t('me.changed') });
      await client.invalidateQueries({ queryKey: SESSION });
    } catch (error) {
      setFailed(error);
    }
  });
  const everywhere = async () => {
    await call('DELETE', '/api/session?everywhere=true');
    await client.invalidateQueries({ queryKey: SESSION });
  };
  const toggle = { visibilityToggleButtonProps: { 'aria-label': t('common:login.show') } };
  return (
    <Stack maw={640}>
      <Card withBorder padding="md">
        <Text fw={600}>{me?.name}</Text>
        <Text size="sm" c="dimmed">{me?.email} · {t(`roles.${me?.role}`)}</Text>
        {admin && me !== undefined && (
          <Group align="flex-end" mt="sm">
            <TextInput label={t('me.acts_as')} description={t('me.acts_as_why')} value={acts ?? me.acts_as ?? ''} onChange={(event) => setActs(event.currentTarget.value)} />
            <Button variant="default" disabled={acts === undefined} onClick={() => void call('PATCH', `/api/members/${me.id}`, { acts_as: acts ?? '' }).then(() => { setActs(undefined); return client.invalidateQueries({ queryKey: SESSION }); })}>{t('common:parts.save')}</Button>
          </Group>
        )}
      </Card>
      <Card withBorder padding="md">
        <form onSubmit={change}>
          <Stack gap="sm">
            <Title order={2}>{t('me.password')}</Title>
            {failed !== undefined && <Problem error={failed} />}
            <PasswordInput label={t('me.old')} autoComplete="current-password" required {...toggle} {...form.getInputProps('password')} />
            <PasswordInput label={t('me.new')} autoComplete="new-password" required description={t('me.new_why')} {...toggle} {...form.getInputProps('new')} />
            <Group><Button type="submit">{t('me.change')}</Button></Group>
          </Stack>
        </form>
      </Card>
      <Card withBorder padding="md">
        <Group justify="space-between" mb="xs"><Title order={2}>{t('me.sessions')}</Title><Button size="xs" variant="default" onClick={() => void everywhere()}>{t('me.everywhere')}</Button></Group>
        <Asked query={sessions}>
          {(held) => (
            <Table fz="sm" aria-label={t('me.sessions')}>
              <Table.Tbody>{held.map((one) => <Table.Tr key={one.id}><Table.Td style={{ overflowWrap: 'anywhere' }}>{one.agent || one.via}</Table.Td><Table.Td><Ago time={one.seen} /></Table.Td></Table.Tr>)}</Table.Tbody>
            </Table>
          )}
        </Asked>
      </Card>
    </Stack>
  );
}
