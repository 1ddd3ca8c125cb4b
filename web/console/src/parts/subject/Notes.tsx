import { Badge, Button, Card, Group, NumberInput, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconNote } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay, useSession } from '../../api/session';
import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { BandBadge } from '../Band';
import { ConfirmButton } from '../ConfirmButton';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { useJudgements } from './notes';
import { plural, type Profile } from './types';

interface Note { id: number; kind: 'note' | 'call'; text: string; detail: { at?: number | null; minutes?: number | null; outcome?: string | null }; by: string; author: string | null; created: number; changed: number | null }

/** What people wrote down about somebody, and their calls. */
export function Notes({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const client = useQueryClient();
  const me = useSession()?.member;
  const may = useMay('editor');
  const admin = useMay('admin');
  const path = `/api/${plural(profile.of)}/${profile.id}/notes`;
  const listed = usePages<Note>(path, {}, { cursor: 'before', limit: 30 });
  const [kind, setKind] = useState<'note' | 'call'>('note');
  const [text, setText] = useState('');
  const [minutes, setMinutes] = useState<number | string>('');
  const [outcome, setOutcome] = useState('');
  const [busy, setBusy] = useState(false);
  const add = async () => {
    setBusy(true);
    try {
      const known = { at: Date.now(), minutes: typeof minutes === 'number' ? minutes : null, outcome: outcome.trim() === '' ? null : outcome.trim() };
      await call('POST', path, { text: text.trim(), ...(kind === 'call' ? { call: known } : {}) });
      setText('');
      setMinutes('');
      setOutcome('');
      await client.invalidateQueries({ queryKey: [path] });
    } catch (error) {
      notifications.show({ color: 'red', message: (error as Error).message });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack>
      {may && (
        <Card withBorder padding="md">
          <Stack gap="xs">
            <SegmentedControl size="xs" value={kind} onChange={(value) => setKind(value as 'note' | 'call')} data={(['note', 'call'] as const).map((one) => ({ value: one, label: t(`notes.kinds.${one}`) }))} aria-label={t('notes.kind')} style={{ alignSelf: 'flex-start' }} />
            <Textarea label={t('notes.text')} autosize minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} />
            {kind === 'call' && (
              <Group grow>
                <NumberInput label={t('notes.minutes')} min={0} max={10_000} value={minutes} onChange={setMinutes} />
                <TextInput label={t('notes.outcome')} value={outcome} onChange={(event) => setOutcome(event.currentTarget.value)} />
              </Group>
            )}
            <Group><Button size="xs" loading={busy} disabled={text.trim() === ''} onClick={() => void add()}>{t('notes.add')}</Button></Group>
          </Stack>
        </Card>
      )}
      <Asked query={listed.query}>
        {() => (listed.rows.length === 0 ? <Empty icon={IconNote} title={t('notes.empty')} /> : (
          <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('notes.title')}>
            {listed.rows.map((one) => (
              <li key={one.id}>
                <Group justify="space-between" wrap="nowrap" align="flex-start">
                  <div>
                    <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{one.text}</Text>
                    <Group gap={6}>
                      {one.kind === 'call' && <Badge size="xs" variant="light" tt="none" className="band">{t('notes.kinds.call')}</Badge>}
                      <Text size="xs" c="dimmed">
                        {one.author ?? one.by} · <Ago time={one.created} />
                        {one.detail.minutes != null && ` · ${t('notes.lasted', { count: one.detail.minutes })}`}{one.detail.outcome != null && ` · ${one.detail.outcome}`}
                      </Text>
                    </Group>
                  </div>
                  {(admin || one.by === me?.id) && may && (
                    <ConfirmButton
                      size="compact-xs" variant="subtle" color="gray" label={t('notes.remove')} question={t('notes.remove_sure')} confirm={t('notes.remove')}
                      onConfirm={async () => { await call('DELETE', `/api/notes/${one.id}`); await client.invalidateQueries({ queryKey: [path] }); }}
                    />
                  )}
                </Group>
              </li>
            ))}
            {listed.more && <li><Button variant="default" size="xs" loading={listed.loading} onClick={listed.next}>{t('common:parts.more')}</Button></li>}
          </Stack>
        ))}
      </Asked>
    </Stack>
  );
}

/** How an account is doing in the eyes of who looks after it, beside the computed health. */
export function Pulse({ profile }: { profile: Profile }) {
  const { t } = useTranslation('subject');
  const may = useMay('editor');
  const { query, say } = useJudgements(profile);
  const [reason, setReason] = useState('');
  const [chosen, setChosen] = useState<string>();
  const held = query.data?.pulse ?? null;
  const [name, score] = Object.entries(profile.scores)[0] ?? [];
  const save = async (value: string | null) => {
    try {
      await say('pulse', value, reason);
      setReason('');
      setChosen(undefined);
    } catch (error) {
      notifications.show({ color: 'red', message: (error as Error).message });
    }
  };
  return (
    <Card withBorder padding="md" component="section" aria-label={t('pulse.title')}>
      <Stack gap="xs">
        <Text fw={600} size="sm">{t('pulse.title')}</Text>
        <Group justify="space-between"><Text size="sm" c="dimmed">{t('pulse.computed')}</Text><BandBadge of={name} band={score?.band} value={score?.value} /></Group>
        <Group justify="space-between"><Text size="sm" c="dimmed">{t('pulse.said')}</Text>{held === null ? <Text size="sm">{t('common:parts.unknown')}</Text> : <BandBadge band={held.value} />}</Group>
        {held !== null && <Text size="xs" c="dimmed">{held.reason} {held.author} <Ago time={held.at} /></Text>}
        {may && (
          <>
            <SegmentedControl
              size="xs" value={chosen ?? held?.value ?? ''} onChange={setChosen} aria-label={t('pulse.said')}
              data={['green', 'yellow', 'red'].map((one) => ({ value: one, label: t(`pulse.values.${one}`) }))}
            />
            {chosen !== undefined && (
              <>
                <Textarea label={t('forecast.because')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} autosize minRows={1} />
                <Group gap="xs">
                  <Button size="xs" onClick={() => void save(chosen)}>{t('common:parts.save')}</Button>
                  <Button size="xs" variant="default" onClick={() => setChosen(undefined)}>{t('common:parts.cancel')}</Button>
                </Group>
              </>
            )}
          </>
        )}
        <Text size="xs" c="dimmed">{t('pulse.why')}</Text>
      </Stack>
    </Card>
  );
}
