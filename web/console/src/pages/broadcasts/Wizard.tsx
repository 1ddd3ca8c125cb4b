import { ActionIcon, Alert, Button, Grid, Group, NumberInput, Paper, Radio, Select, Stack, Stepper, Switch, Text, TextInput, Title } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { useMediaQuery } from '@mantine/hooks';
import { IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { ApiError, call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { ConditionInput } from '../journeys/ConditionInput';
import { useDefinition, useNames } from '../journeys/names';
import { type Segment, type Template, useSegments } from './data';
import { MessagePreview } from './MessagePreview';

interface Kept {
  title: string; segment: string | null; audience: string; templates: { name: string; share: number }[]; test: number; test_for: string; metric: string;
  when: string; at: string | null; local: boolean; pace: string; category: string | null; holdout: number; resend: string | null;
}
const BEGIN: Kept = { title: '', segment: null, audience: '', templates: [{ name: '', share: 100 }], test: 20, test_for: '4h', metric: 'clicked', when: 'now', at: null, local: false, pace: '', category: null, holdout: 0, resend: null };

/** The object of the workspace that the answers come to. */
function broadcast(kept: Kept): Record<string, unknown> {
  const made: Record<string, unknown> = { title: kept.title };
  if (kept.segment !== null) made.segment = kept.segment;
  if (kept.audience !== '') made.audience = kept.audience;
  const [only, ...others] = kept.templates;
  if (others.length === 0) made.template = only?.name;
  else {
    made.variants = Object.fromEntries(kept.templates.map((one) => [one.name, one.share]));
    if (kept.test < 100) Object.assign(made, { test_share: kept.test, test_for: kept.test_for, metric: kept.metric });
  }
  if (kept.when === 'later' && kept.at !== null) {
    made.at = kept.at.replace(' ', 'T').slice(0, 16);
    if (kept.local) made.local = true;
  }
  if (kept.pace !== '') made.pace = kept.pace;
  if (kept.category !== null) made.category = kept.category;
  if (kept.holdout > 0) made.holdout = kept.holdout;
  if (kept.resend !== null) made.resend = kept.resend;
  return made;
}

/** From nobody to a broadcast that waits for its size to be acknowledged: audience, message, time, a look at it all. */
export function Wizard() {
  const { t } = useTranslation('broadcasts');
  const go = useNavigate();
  const client = useQueryClient();
  const narrow = useMediaQuery('(max-width: 48em)') ?? false;
  const may = useMay('publisher');
  const names = useNames();
  const definition = useDefinition();
  const segments = useSegments();
  const [step, setStep] = useState(0);
  const [kept, setKept] = useState(BEGIN);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  const [comment, setComment] = useState('');
  const set = (part: Partial<Kept>) => setKept((held) => ({ ...held, ...part }));
  const templates = useMemo(() => ((definition.data?.workspace.templates ?? {}) as Record<string, Template>), [definition.data]);
  const name = kept.title.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').replace(/^(\d)/, 'b_$1');
  const taken = name !== '' && name in ((definition.data?.workspace.broadcasts ?? {}) as object);
  const shares = kept.templates.reduce((sum, one) => sum + one.share, 0);
  const ready = [
    name !== '' && !taken && (kept.segment !== null || kept.audience !== ''),
    kept.templates.every((one) => one.name in templates) && new Set(kept.templates.map((one) => one.name)).size === kept.templates.length && (kept.templates.length === 1 || Math.abs(shares - 100) < 0.01),
    kept.when === 'now' || kept.at !== null,
  ];
  const object = broadcast(kept);
  const make = async () => {
    const held = definition.data;
    if (held === undefined) return;
    setBusy(true);
    setFailed(undefined);
    try {
      const now = await call<{ version: string; workspace: Record<string, unknown> }>('GET', '/api/workspace');
      const broadcasts = { ...((now.workspace.broadcasts ?? {}) as object), [name]: object };
      await call('POST', '/api/workspace/apply', { workspace: { ...now.workspace, broadcasts }, expected: now.version });
      await client.invalidateQueries({ queryKey: ['workspace'] });
      await client.invalidateQueries({ queryKey: ['broadcasts'] });
      await go(`/broadcasts/${encodeURIComponent(name)}`);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'approval_needed') setAsking(true);
      else setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const ask = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      await call('PUT', `/api/workspace/objects/broadcasts/${encodeURIComponent(name)}`, { object, revision: null });
      await call('POST', '/api/approvals', { comment });
      setAsked(true);
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const next = <Group justify="flex-end" mt="md">{step > 0 && <Button variant="default" onClick={() => setStep(step - 1)}>{t('wizard.back')}</Button>}<Button onClick={() => setStep(step + 1)} disabled={ready[step] !== true}>{t('wizard.next')}</Button></Group>;
  return (
    <Page name="broadcasts" title={t('wizard.title')}>
      <Stepper active={step} onStepClick={(to) => { if (to <= step || ready.slice(0, to).every(Boolean)) setStep(to); }} orientation={narrow ? 'vertical' : 'horizontal'} size="sm">
        <Stepper.Step label={t('wizard.audience')}>
          <Stack maw={640} mt="sm">
            <TextInput label={t('wizard.name')} description={t('wizard.name_help')} required value={kept.title} onChange={(event) => set({ title: event.currentTarget.value })} error={taken ? t('wizard.taken') : undefined} />
            <Asked query={segments}>{(all) => <Who all={all.filter((one) => one.of === 'person')} kept={kept} set={set} />}</Asked>
            <ConditionInput label={t('wizard.condition')} description={t('wizard.condition_help')} value={kept.audience} onChange={(held) => set({ audience: held ?? '' })} names={names.condition ?? []} />
            {next}
          </Stack>
        </Stepper.Step>
        <Stepper.Step label={t('wizard.message')}>
          <Grid mt="sm">
            <Grid.Col span={{ base: 12, md: 6 }}>
              <Stack>
                {kept.templates.map((one, place) => (
                  <Group key={place} align="flex-end" wrap="nowrap">
                    <Select style={{ flex: 1 }} searchable required label={kept.templates.length > 1 ? t('wizard.variant', { letter: 'ABCDEFGH'[place] }) : t('wizard.template')} data={Object.keys(templates)} value={one.name || null} onChange={(held) => set({ templates: kept.templates.with(place, { ...one, name: held ?? '' }) })} />
                    {kept.templates.length > 1 && <NumberInput w={90} label={t('wizard.share')} suffix=" %" min={1} max={99} value={one.share} onChange={(held) => set({ templates: kept.templates.with(place, { ...one, share: Number(held) }) })} />}
                    {kept.templates.length > 1 && <ActionIcon mb={4} variant="subtle" color="gray" aria-label={t('wizard.remove')} onClick={() => set({ templates: kept.templates.length === 2 ? [{ name: kept.templates[1 - place]?.name ?? '', share: 100 }] : kept.templates.toSpliced(place, 1) })}><IconTrash size={16} /></ActionIcon>}
                  </Group>
                ))}
                {kept.templates.length > 1 && Math.abs(shares - 100) >= 0.01 && <Text size="sm" c="var(--mantine-color-error)">{t('wizard.shares', { sum: shares })}</Text>}
                <Group><Button size="xs" variant="default" onClick={() => set({ templates: [...kept.templates.map((one) => ({ ...one, share: Math.floor(100 / (kept.templates.length + 1)) })), { name: '', share: 100 - Math.floor(100 / (kept.templates.length + 1)) * kept.templates.length }] })}>{t('wizard.add_variant')}</Button></Group>
                {kept.templates.length > 1 && (
                  <Paper withBorder p="sm">
                    <Stack gap="xs">
                      <NumberInput label={t('wizard.test')} description={t('wizard.test_help')} suffix=" %" min={1} max={100} value={kept.test} onChange={(held) => set({ test: Number(held) })} />
                      {kept.test < 100 && <TextInput label={t('wizard.test_for')} value={kept.test_for} onChange={(event) => set({ test_for: event.currentTarget.value })} />}
                      {kept.test < 100 && <Select label={t('wizard.metric')} allowDeselect={false} value={kept.metric} data={['clicked', 'opened', 'delivered'].map((value) => ({ value, label: t(`metrics.${value}`) }))} onChange={(held) => held !== null && set({ metric: held })} />}
                    </Stack>
                  </Paper>
                )}
                <Select label={t('wizard.category')} description={t('wizard.category_help')} clearable clearButtonProps={{ 'aria-label': t('common:parts.clear') }} data={names.category ?? []} value={kept.category} onChange={(held) => set({ category: held })} />
                <Select label={t('wizard.resend')} clearable clearButtonProps={{ 'aria-label': t('common:parts.clear') }} searchable data={Object.keys(templates)} value={kept.resend} onChange={(held) => set({ resend: held })} />
                <NumberInput label={t('wizard.holdout')} description={t('wizard.holdout_help')} suffix=" %" min={0} max={50} value={kept.holdout} onChange={(held) => set({ holdout: Number(held) })} />
                {next}
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 6 }}>
              <Stack>{kept.templates.filter((one) => one.name in templates).map((one) => <MessagePreview key={one.name} name={one.name} template={templates[one.name] as Template} />)}</Stack>
            </Grid.Col>
          </Grid>
        </Stepper.Step>
        <Stepper.Step label={t('wizard.time')}>
          <Stack maw={560} mt="sm">
            <Radio.Group label={t('wizard.when')} value={kept.when} onChange={(held) => set({ when: held })}>
              <Stack gap="xs" mt="xs"><Radio value="now" label={t('wizard.now')} /><Radio value="later" label={t('wizard.later')} /></Stack>
            </Radio.Group>
            {kept.when === 'later' && (
              <>
                <DateTimePicker label={t('wizard.at')} required value={kept.at} minDate={new Date()} onChange={(held) => set({ at: held })} valueFormat="YYYY-MM-DD HH:mm" />
                <Switch label={t('wizard.local')} description={t('wizard.local_help')} checked={kept.local} onChange={(event) => set({ local: event.currentTarget.checked })} />
              </>
            )}
            <TextInput label={t('wizard.pace')} description={t('wizard.pace_help')} placeholder="1000/1h" value={kept.pace} onChange={(event) => set({ pace: event.currentTarget.value })} />
            {next}
          </Stack>
        </Stepper.Step>
        <Stepper.Step label={t('wizard.look')}>
          <Stack maw={640} mt="sm">
            <Paper withBorder p="md">
              <Stack gap={6}>
                <Title order={2}>{kept.title}</Title>
                <Line label={t('wizard.audience')}>{[kept.segment, kept.audience].filter(Boolean).join(' · ')} ({(segments.data?.find((one) => one.name === kept.segment)?.size ?? 0).toLocaleString()})</Line>
                <Line label={t('wizard.message')}>{kept.templates.map((one) => (kept.templates.length > 1 ? `${one.name} ${one.share} %` : one.name)).join(', ')}</Line>
                <Line label={t('wizard.time')}>{kept.when === 'now' ? t('wizard.now') : `${kept.at ?? ''}${kept.local ? ` (${t('wizard.local')})` : ''}`}{kept.pace === '' ? '' : `, ${kept.pace}`}</Line>
              </Stack>
            </Paper>
            <Text size="sm" c="dimmed">{t('wizard.nothing_yet')}</Text>
            {!may && !asking && <Alert color="yellow">{t('wizard.publishers')}</Alert>}
            {failed !== undefined && <><Problem error={failed} />{problems(failed).map((one, index) => <Text key={index} size="sm" c="var(--mantine-color-error)">{one}</Text>)}</>}
            {asking && !asked && <TextInput label={t('wizard.comment')} description={t('wizard.approval')} value={comment} onChange={(event) => setComment(event.currentTarget.value)} />}
            {asked && <Alert color="teal">{t('wizard.asked')}</Alert>}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setStep(2)}>{t('wizard.back')}</Button>
              {asking || !may ? !asked && <Button onClick={() => void ask()} loading={busy}>{t('wizard.ask')}</Button> : <Button onClick={() => void make()} loading={busy} disabled={!ready.every(Boolean)}>{t('wizard.make')}</Button>}
            </Group>
          </Stack>
        </Stepper.Step>
      </Stepper>
    </Page>
  );
}

function problems(error: unknown): string[] {
  const found = (error as { details?: { problems?: { message: string; severity?: string }[] } }).details?.problems ?? [];
  return found.filter((one) => one.severity !== 'warning').map((one) => one.message);
}

function Line({ label, children }: { label: string; children: React.ReactNode }) {
  return <Group gap="xs" wrap="nowrap" align="flex-start"><Text size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>{label}</Text><Text size="sm">{children}</Text></Group>;
}

function Who({ all, kept, set }: { all: Segment[]; kept: Kept; set: (part: Partial<Kept>) => void }) {
  const { t } = useTranslation('broadcasts');
  const chosen = all.find((one) => one.name === kept.segment);
  return (
    <>
      <Select label={t('wizard.segment')} searchable clearable clearButtonProps={{ 'aria-label': t('common:parts.clear') }} value={kept.segment} onChange={(held) => set({ segment: held })} data={all.map((one) => ({ value: one.name, label: `${one.name.replaceAll('_', ' ')} (${one.size.toLocaleString()})` }))} />
      {chosen !== undefined && (
        <Paper withBorder p="sm">
          <Text size="xl" fw={600} className="numbers">{t('wizard.people', { count: chosen.size })}</Text>
          <Text size="sm" c="dimmed">{chosen.description}</Text>
        </Paper>
      )}
    </>
  );
}
