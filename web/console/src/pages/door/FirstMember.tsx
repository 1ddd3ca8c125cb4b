import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { call, queries, useToken } from '../../api/client';
import { SESSION, type Session } from '../../api/session';
import { Problem } from '../../shell/Broken';

const PASSWORD_CHARS_MIN = 12;

/** The first member, made with the token that `sevenfold serve` printed (in the address after `#`). */
export function FirstMember() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [failed, setFailed] = useState<unknown>();
  const form = useForm({
    initialValues: { token: window.location.hash.slice(1), name: '', email: '', password: '' },
    validate: { password: (value) => (value.length < PASSWORD_CHARS_MIN ? t('setup.short', { count: PASSWORD_CHARS_MIN }) : null) },
  });
  const submit = form.onSubmit(async (values) => {
    setFailed(undefined);
    try {
      const made = await call<Session>('POST', '/api/setup', values);
      useToken(made.csrf);
      queries.setQueryData(SESSION, made);
      await go('/', { replace: true });
    } catch (error) {
      setFailed(error);
    }
  });
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={420} maw="100%">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1}>{t('setup.title')}</Title>
            <Text size="sm" c="dimmed">{t('setup.why')}</Text>
            {failed !== undefined && <Problem error={failed} />}
            <TextInput label={t('setup.token')} description={t('setup.token_where')} required {...form.getInputProps('token')} />
            <TextInput label={t('setup.name')} autoComplete="name" required {...form.getInputProps('name')} />
            <TextInput label={t('login.email')} type="email" autoComplete="username" required {...form.getInputProps('email')} />
            <PasswordInput label={t('login.password')} autoComplete="new-password" required {...form.getInputProps('password')} />
            <Button type="submit">{t('setup.submit')}</Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
