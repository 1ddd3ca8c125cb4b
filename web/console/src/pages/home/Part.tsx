import { Card, Group, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** A part of the page under its own title. */
export function Part({ title, detail, more, children }: { title: string; detail?: ReactNode; more?: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder padding="md" h="100%" component="section" aria-label={title}>
      <Group justify="space-between" mb="xs" align="flex-start">
        <div><Title order={2} fz="md">{title}</Title>{detail !== undefined && <Text size="xs" c="dimmed">{detail}</Text>}</div>
        {more}
      </Group>
      {children}
    </Card>
  );
}
