import { Card, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { Ago } from '../Ago';
import { count, percent, words } from '../words';
import type { Profile } from './types';

/** What is foretold of somebody, as of when, and by which model. */
export function Predictions({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const held = Object.entries(profile.predictions ?? {});
  if (held.length === 0) return null;
  return (
    <Card withBorder padding="md">
      <Stack gap={6}>
        <Text fw={600} size="sm">{t('predictions.title')}</Text>
        {held.map(([name, one]) => (
          <Group key={name} justify="space-between" wrap="nowrap">
            <div>
              <Text size="sm">{words(name)}</Text>
              {one.as_of !== null && <Text size="xs" c="dimmed">{t('predictions.of', { version: one.version ?? '' })} <Ago time={one.as_of} /></Text>}
            </div>
            <Text size="sm" className="numbers">{one.value === null ? t('common:parts.unknown') : one.value >= 0 && one.value <= 1 ? percent(one.value) : count(one.value, 1)}</Text>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
