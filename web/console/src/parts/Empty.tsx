import { Stack, Text, ThemeIcon } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** Nothing is here yet: why, and the next step. */
export function Empty({ icon: Shown, title, children }: { icon: Icon; title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py="xl">
      <ThemeIcon size={44} radius="xl" variant="light" color="gray"><Shown size={22} aria-hidden /></ThemeIcon>
      <Text fw={600}>{title}</Text>
      <Text size="sm" c="dimmed" ta="center" maw={420} component="div">{children}</Text>
    </Stack>
  );
}
