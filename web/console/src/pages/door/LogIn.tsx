import { Anchor, Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useNavigate, useSearchParams } from 'react-router';

import { call } from '../../api/client';
import { logIn, useSession } from '../../api/session';
import { Problem } from '../../shell/Broken';

interface Ways {
  password: boolean;
  oidc: { label: string; url: string } | null;
  needs_setup: boolean;
}

/** Where to go after the log-in: a path of this site only, never an address of another. */
function inside(next: string | null): string {
  return next !== null && next.startsWith('/') && !next.startsWith('//') && !next.includes('\\') ? next : '/';
}

export function LogIn() {
  const { t } = useTranslation();
  const held = useSession();
  const go = useNavigate();
  const [parameters] = useSearchParams();
  const next = inside(parameters.get('next'));
  const [failed, setFailed] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const { data: ways } = useQuery({ queryKey: ['ways'], queryFn: () => call<Ways>('GET', '/api/session/ways') });
  const form = useForm({ initialValues: { email: '', password: '' } });
  if (held != null) return <Navigate to={next} replace />;
  if (ways?.needs_setup === true) return <Navigate to="/setup" replace />;
  const submit = form.onSubmit(async ({ email, password }) => {
    setBusy(true);
    setFailed(undefined);
    try {
      await logIn(email, password);
      await go(next, { replace: true });
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  });
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={380} maw="100%">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1}>{t('login.title')}</Title>
            {failed !== undefined && <Problem error={failed} />}
            <TextInput label={t('login.email')} type="email" autoComplete="username" required autoFocus {...form.getInputProps('email')} />
            <PasswordInput label={t('login.password')} autoComplete="current-password" required {...form.getInputProps('password')} />
            <Button type="submit" loading={busy}>{t('login.submit')}</Button>
            {ways?.oidc != null && <Anchor href={`${ways.oidc.url}?next=${encodeURIComponent(next)}`} ta="center">{t('login.oidc', { label: ways.oidc.label })}</Anchor>}
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
