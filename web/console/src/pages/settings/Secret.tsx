import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Something that is shown this once. */
export function Secret({ title, secret, children }: { title: string; secret: string; children?: React.ReactNode }) {
  const { t } = useTranslation('settings');
  return (
    <Alert color="teal" title={title} role="status">
      <Stack gap="xs">
        <Text size="sm">{children ?? t('once')}</Text>
        <Group wrap="nowrap">
          <Code style={{ overflowWrap: 'anywhere' }} data-secret>{secret}</Code>
          <CopyButton value={secret}>{({ copied, copy }) => <Button size="compact-xs" variant="default" onClick={copy}>{t(copied ? 'common:parts.copied' : 'common:parts.copy')}</Button>}</CopyButton>
        </Group>
      </Stack>
    </Alert>
  );
}
