import { Badge, Card, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Why } from '../Why';
import { words } from '../words';
import { Rules } from './Rules';
import type { Profile } from './types';

/** Stages and segments, each with its reason. */
export function Standing({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const { id, of } = profile;
  return (
    <Card withBorder padding="md">
      <Stack gap="sm">
        {Object.entries(profile.stages).map(([lifecycle, stage]) => (
          <Group key={lifecycle} justify="space-between" wrap="nowrap">
            <Text size="sm">{t('standing.stage', { lifecycle: words(lifecycle) })}</Text>
            <Group gap={4} wrap="nowrap">
              <Badge variant="light" tt="none" radius="sm" fw={500}>{stage === null ? t('standing.outside') : words(stage)}</Badge>
              <Why about={`${words(lifecycle)} ${stage ?? ''}`}><Rules id={id} of={of} asked={{ lifecycle }} /></Why>
            </Group>
          </Group>
        ))}
        <Text size="xs" c="dimmed" fw={600}>{t('standing.segments', { count: profile.segments.length })}</Text>
        <Stack gap={2}>
          {profile.segments.map((segment) => (
            <Group key={segment} justify="space-between" wrap="nowrap" gap={4}>
              <Text size="sm" component={Link} to={`/segments/${segment}`} c="var(--mantine-color-text)" truncate>{words(segment)}</Text>
              <Why about={words(segment)}><Rules id={id} of={of} asked={{ segment }} /></Why>
            </Group>
          ))}
        </Stack>
      </Stack>
    </Card>
  );
}
