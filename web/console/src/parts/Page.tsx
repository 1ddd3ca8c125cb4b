import { Group, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** A page's title (the text `areas.<name>` unless given), a line under it, what can be done, and its content. */
export function Page(
  { name, title, detail, actions, children }:
  { name: string; title?: ReactNode; detail?: ReactNode; actions?: ReactNode; children?: ReactNode },
) {
  const { t } = useTranslation();
  const said = t(`areas.${name}`);
  useEffect(() => {
    document.title = `${typeof title === 'string' ? title : said} · Sevenfold`;
  }, [said, title]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" wrap="wrap">
        <div>
          <Title order={1}>{title ?? said}</Title>
          {detail !== undefined && <Text size="sm" c="dimmed" component="div">{detail}</Text>}
        </div>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
