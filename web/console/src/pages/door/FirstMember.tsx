import { Anchor, Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { call } from '../../api/client';
import { type Door, enter } from '../../api/session';
import { Problem } from '../../shell/Broken';

const PASSWORD_CHARS_MIN = 12;
const ASK_AFTER_CHARS = 20;

/** The token that came with the address, after `#`, so that no log of any server on the way has it. */
function brought(): string {
  return decodeURIComponent(window.location.hash.slice(1));
}

/** A password for whoever was invited; for the first member, with the token the service printed, also name and address. */
export function FirstMember() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [failed, setFailed] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const form = useForm({
    initialValues: { token: brought(), name: '', email: '', password: '' },
    validate: { password: (value) => (value.length < PASSWORD_CHARS_MIN ? t('setup.short', { count: PASSWORD_CHARS_MIN }) : null) },
  });
  const { token } = form.getValues();
  const invited = useQuery({
    queryKey: ['invitation', token], retry: false, enabled: token.length >= ASK_AFTER_CHARS,
    queryFn: () => call<{ email: string | null; name: string | null }>('GET', `/api/setup/invitation?token=${encodeURIComponent(token)}`),
  });
  const known = invited.data?.email ?? null;
  const submit = form.onSubmit(async ({ email, ...values }) => {
    setBusy(true);
    setFailed(undefined);
    try {
      enter(await call<Door>('POST', '/api/setup', known === null ? { ...values, email } : values));
      await go(known === null ? '/set-up' : '/', { replace: true });
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  });
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={420} maw="100%">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1}>{t(known === null ? 'setup.title' : 'setup.invited')}</Title>
            <Text size="sm" c="dimmed">{known === null ? t('setup.why') : t('setup.invited_why', { email: known })}</Text>
            {failed !== undefined && <Problem error={failed} />}
            {failed === undefined && invited.isError && <Problem error={invited.error} />}
            <TextInput label={t('setup.token')} description={t('setup.token_where')} required {...form.getInputProps('token')} />
            <TextInput label={t('setup.name')} autoComplete="name" required={known === null} {...form.getInputProps('name')} />
            {known === null && <TextInput label={t('login.email')} type="email" autoComplete="username" required {...form.getInputProps('email')} />}
            <PasswordInput
              label={t('login.password')} autoComplete="new-password" required description={t('setup.password')} {...form.getInputProps('password')}
              visibilityToggleButtonProps={{ 'aria-label': t('login.show') }}
            />
            <Button type="submit" loading={busy}>{t('setup.submit')}</Button>
            <Anchor component={Link} to="/login" size="sm" ta="center">{t('setup.have')}</Anchor>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
