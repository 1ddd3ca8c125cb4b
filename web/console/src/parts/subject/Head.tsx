import { Badge, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { words } from '../words';
import type { Profile } from './types';

/** How somebody is known, and to whom they belong. */
export function Known({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  return (
    <Group gap={6}>
      {Object.entries(profile.identifiers).flatMap(([kind, held]) => held.map((one) => (
        <Badge key={`${kind} ${one}`} variant="default" tt="none" radius="sm" fw={400} style={{ overflowWrap: 'anywhere' }}><Text span inherit c="dimmed">{words(kind).toLowerCase()}</Text> {one}</Badge>
      )))}
      {profile.accounts?.map((one) => (
        <Badge key={one.id} component={Link} to={`/accounts/${one.id}`} variant="light" tt="none" radius="sm" fw={500} style={{ cursor: 'pointer' }}>{one.key}{one.role !== null && ` · ${one.role}`}</Badge>
      ))}
      {profile.members != null && <Text size="sm" c="dimmed">{t('head.members', { count: profile.members })}</Text>}
    </Group>
  );
}
