import { Anchor, Button, Center, Loader, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useNavigate, useSearchParams } from 'react-router';

import { ApiError } from '../../api/client';
import { logIn, useDoor } from '../../api/session';
import { Problem } from '../../shell/Broken';

/** Where to go after the log-in: a path of this site only, never an address of another. */
export function inside(next: string | null): string {
  return next !== null && next.startsWith('/') && !next.startsWith('//') && !next.includes('\\') ? next : '/';
}

export function LogIn() {
  const { t } = useTranslation();
  const door = useDoor();
  const go = useNavigate();
  const [parameters] = useSearchParams();
  const next = inside(parameters.get('next'));
  const refused = parameters.get('error');
  const [failed, setFailed] = useState<unknown>(refused === null ? undefined : new ApiError(401, refused, t('login.provider_refused', { code: refused })));
  const [busy, setBusy] = useState(false);
  const form = useForm({ initialValues: { email: '', password: '' } });
  if (door === undefined) return <Center h="100vh"><Loader aria-label={t('loading')} /></Center>;
  if (door.member !== null) return <Navigate to={next} replace />;
  if (door.set_up) return <Navigate to="/setup" replace />;
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
            <PasswordInput
              label={t('login.password')} autoComplete="current-password" required {...form.getInputProps('password')}
              visibilityToggleButtonProps={{ 'aria-label': t('login.show') }}
            />
            <Button type="submit" loading={busy}>{t('login.submit')}</Button>
            {door.provider !== null && (
              <Anchor href={`${door.provider.url}?back=${encodeURIComponent(next)}`} ta="center">{t('login.oidc', { label: door.provider.name })}</Anchor>
            )}
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
