import { Anchor, Group, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { words } from '../../parts/words';
import { Part } from './Part';
import type { Problems as Held } from './types';

/** What somebody should look at. */
export function Problems({ held }: { held: Held }) {
  const { t } = useTranslation('home');
  const lines: ReactNode[] = [
    ...held.service.map((text) => <Text size="sm">{text}</Text>),
    ...held.channels.map((one) => <Text size="sm"><Anchor component={Link} inherit underline="always" to={`/channels/${one.channel}`}>{words(one.channel)}</Anchor> {t('problems.channel', { state: one.state, reason: one.reason })}</Text>),
    ...held.messages.map((one) => (
      <Text size="sm">{t('problems.messages', { count: one.count, status: words(one.status).toLowerCase(), template: words(one.template ?? ''), channel: one.channel ?? '' })}{one.reason !== null && <Text span size="xs" c="dimmed"> {one.reason}</Text>}</Text>
    )),
    ...Object.entries(held.dead_letters).filter(([, count]) => count > 0).map(([reason, count]) => (
      <Text size="sm"><Anchor component={Link} inherit underline="always" to="/settings/dead-letters">{t('problems.dead', { count, reason: words(reason).toLowerCase() })}</Anchor></Text>
    )),
    ...(held.unresolved > 0 ? [<Text size="sm">{t('problems.unresolved', { count: held.unresolved })}</Text>] : []),
    ...held.paused.map((name) => <Text size="sm"><Anchor component={Link} inherit underline="always" to={`/journeys/${name}`}>{words(name)}</Anchor> {t('problems.paused')}</Text>),
  ];
  return (
    <Part title={t('problems.title')}>
      {lines.length === 0 ? (
        <Group gap="xs"><ThemeIcon size={22} radius="xl" variant="light" color="teal"><IconCheck size={14} aria-hidden /></ThemeIcon><Text size="sm">{t('problems.none')}</Text></Group>
      ) : (
        <Stack gap="xs">
          {lines.map((line, at) => (
            <Group key={at} gap="xs" wrap="nowrap" align="flex-start"><ThemeIcon size={22} radius="xl" variant="light" color="orange"><IconAlertTriangle size={14} aria-hidden /></ThemeIcon>{line}</Group>
          ))}
        </Stack>
      )}
    </Part>
  );
}
