import { Badge, Button, Card, Group, Select, Stack, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { useJudgements } from '../../parts/subject/notes';
import type { Profile } from '../../parts/subject/types';
import { count, words } from '../../parts/words';

interface Row { subject: string; score: number | null; change: number | null; class: string }
interface Answer { sentence: string; tables: { accounts?: Row[] } }
const CLASSES = ['likely_renew', 'at_risk', 'likely_churn'];

/** What is computed of the renewal, and beside it what somebody who knows the account says. */
export function Forecast({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const may = useMay('editor');
  const computed = useQuery({
    queryKey: ['renewal-forecast'], queryFn: () => call<Answer>('POST', '/api/ask/renewal-forecast', {}), staleTime: 300_000, retry: false,
  });
  const { query, say } = useJudgements(profile);
  const [opened, setOpened] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const [because, setBecause] = useState('');
  const row = computed.data?.tables.accounts?.find((one) => one.subject === profile.id);
  const said = query.data?.forecast ?? null;
  const save = async () => {
    try {
      await say('forecast', chosen, because);
      setOpened(false);
      setBecause('');
    } catch (error) {
      notifications.show({ color: 'red', message: (error as Error).message });
    }
  };
  return (
    <Card withBorder padding="md" component="section" aria-label={t('forecast.title')}>
      <Stack gap={6}>
        <Text fw={600} size="sm">{t('forecast.title')}</Text>
        <Group justify="space-between">
          <Text size="sm" c="dimmed">{t('forecast.computed')}</Text>
          <Badge variant="light" tt="none" radius="sm" className="band" color={row?.class === 'likely_renew' ? 'teal' : row?.class === 'likely_churn' ? 'red' : row === undefined ? 'gray' : 'orange'}>
            {row === undefined ? t('common:parts.unknown') : t(`forecast.classes.${row.class}`, { defaultValue: words(row.class) })}
          </Badge>
        </Group>
        {row?.score != null && <Text size="xs" c="dimmed">{t('forecast.from', { score: count(row.score), change: row.change === null ? t('common:parts.unknown') : count(row.change, 1) })}</Text>}
        {said?.value != null && (
          <>
            <Group justify="space-between"><Text size="sm" c="dimmed">{t('forecast.said')}</Text><Badge variant="light" tt="none" radius="sm" className="band" color="indigo">{t(`forecast.classes.${said.value}`, { defaultValue: words(said.value) })}</Badge></Group>
            <Text size="xs" c="dimmed">{said.reason} {said.author} <Ago time={said.at} /></Text>
          </>
        )}
        {may && (opened ? (
          <Stack gap="xs">
            <Select label={t('forecast.override')} data={CLASSES.map((one) => ({ value: one, label: t(`forecast.classes.${one}`) }))} value={chosen} onChange={setChosen} />
            <Textarea label={t('forecast.because')} value={because} onChange={(event) => setBecause(event.currentTarget.value)} />
            <Group gap="xs"><Button size="xs" disabled={chosen === null} onClick={() => void save()}>{t('common:parts.save')}</Button><Button size="xs" variant="default" onClick={() => setOpened(false)}>{t('common:parts.cancel')}</Button></Group>
          </Stack>
        ) : <Group><Button size="compact-xs" variant="default" onClick={() => setOpened(true)}>{t('forecast.differ')}</Button></Group>)}
      </Stack>
    </Card>
  );
}
