import { Alert, Anchor, Button, Center, Code, Group, Loader, Stack, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useRouteError } from 'react-router';

import { ApiError } from '../api/client';

/** What could not be shown, and what to do: for a whole page or a part of it. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const said = error instanceof Error ? error.message : String(error);
  const fix = error instanceof ApiError ? error.fix : '';
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t('problem.title')} role="alert">
      <Stack gap="xs">
        <span>{said}</span>
        {fix !== '' && <Code block>{fix}</Code>}
        {retry !== undefined && (
          <Group><Button size="xs" variant="default" onClick={retry}>{t('problem.retry')}</Button></Group>
        )}
      </Stack>
    </Alert>
  );
}

/** A page that failed while it was drawn. */
export function Broken() {
  const error = useRouteError();
  return <Stack p="lg"><Problem error={error} retry={() => window.location.reload()} /></Stack>;
}

/** An address without a page. */
export function Missing() {
  const { t } = useTranslation();
  return (
    <Stack p="lg">
      <Title order={1}>{t('missing.title')}</Title>
      <Anchor component={Link} to="/">{t('missing.home')}</Anchor>
    </Stack>
  );
}

/** While the first page is being fetched. */
export function Waiting() {
  const { t } = useTranslation();
  return <Center h="100vh"><Loader role="status" aria-label={t('loading')} /></Center>;
}
