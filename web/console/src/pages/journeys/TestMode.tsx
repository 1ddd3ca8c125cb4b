import { Alert, Anchor, Autocomplete, Badge, Button, Code, Fieldset, Grid, Group, JsonInput, List, SegmentedControl, Stack, TagsInput, Text, TextInput, Timeline, Title } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Problem } from '../../shell/Broken';
import { Canvas, type Kinds, type Marks } from './Canvas';
import { at, written } from './data';
import { useNames } from './names';
import { conditionText, type Fields, type Plan, tidy } from './plan';
import { Reasons } from './Reasons';

interface Decided { time: number; kind: string; name: string; data: Record<string, unknown> }
interface Trial { who: string; began: number; ended: number; event: { event: string; properties: Record<string, unknown> } | null; refused: string | null; effects: Decided[]; left_out: number }

const HERE = new Set(['run', 'step', 'wait', 'message', 'would_send', 'held', 'deferred', 'outcome', 'goal', 'ended', 'task', 'webhook', 'would_call', 'refused', 'split', 'noted']);

function parsed(text: string): Record<string, unknown> | null {
  if (text.trim() === '') return {};
  try {
    const held: unknown = JSON.parse(text);
    return held !== null && typeof held === 'object' && !Array.isArray(held) ? (held as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Tries the plan on one person, real or made up, with time run forward: every decision, and why. Nothing is sent. */
export function TestMode({ name, plan, kinds, marks, walked, onWalked }: { name: string; plan: Plan; drafted: boolean; kinds: Kinds[]; marks: Marks; walked: Set<string>; onWalked: (steps: Set<string>) => void }) {
  const { t } = useTranslation('journeys');
  const names = useNames();
  const [who, setWho] = useState('made_up');
  const [person, setPerson] = useState('');
  const [event, setEvent] = useState('');
  const [properties, setProperties] = useState('');
  const [traits, setTraits] = useState('{"email": "someone@example.com"}');
  const [account, setAccount] = useState('');
  const [consents, setConsents] = useState<string[]>(['all']);
  const [failing, setFailing] = useState<string[]>([]);
  const [focus, setFocus] = useState<string | null>(null);
  const trial = useMutation({
    mutationFn: () => call<Trial>('POST', `${at(name)}/try`, {
      plan: tidy(plan), ...(who === 'real' ? { person: person.trim() } : { traits: parsed(traits) ?? {}, consents }),
      ...(event === '' ? {} : { event }), properties: parsed(properties) ?? {}, ...(account === '' ? {} : { account }), failing,
    }),
    onSuccess: (found) => onWalked(new Set(found.effects.filter((one) => one.name === name && typeof one.data.step === 'string').map((one) => written(plan.steps, String(one.data.step))))),
  });
  const bad = parsed(traits) === null || parsed(properties) === null || (who === 'real' && person.trim() === '');
  const found = trial.data;
  const shown = found?.effects.filter((one) => HERE.has(one.kind) && (one.name === name || one.data.journey === name || one.kind === 'refused')) ?? [];
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 4 }}>
        <form onSubmit={(submitted) => { submitted.preventDefault(); if (!bad) trial.mutate(); }}>
          <Stack gap="sm">
            <Text size="sm" c="dimmed">{t('test.what')}</Text>
            <SegmentedControl aria-label={t('test.who')} value={who} onChange={setWho} data={[{ value: 'made_up', label: t('test.made_up') }, { value: 'real', label: t('test.real') }]} />
            {who === 'real'
              ? <TextInput label={t('test.person')} description={t('test.person_help')} value={person} onChange={(given) => setPerson(given.currentTarget.value)} required />
              : (
                <>
                  <JsonInput label={t('test.traits')} description={t('test.traits_help')} value={traits} onChange={setTraits} autosize minRows={2} formatOnBlur error={parsed(traits) === null ? t('test.json') : undefined} />
                  <TagsInput label={t('test.consents')} description={t('test.consents_help')} data={['all', ...(names.category ?? [])]} value={consents} onChange={setConsents} />
                </>
              )}
            <Fieldset legend={t('test.begins')} p="xs">
              <Stack gap="xs">
                <Autocomplete label={t('fields.event')} description={t('test.event_help')} data={names.event ?? []} value={event} onChange={setEvent} limit={40} />
                <JsonInput label={t('test.properties')} value={properties} onChange={setProperties} autosize minRows={1} placeholder='{"plan": "pro"}' error={parsed(properties) === null ? t('test.json') : undefined} />
                <TextInput label={t('test.account')} value={account} onChange={(given) => setAccount(given.currentTarget.value)} />
              </Stack>
            </Fieldset>
            <TagsInput label={t('test.failing')} data={names.template ?? []} value={failing} onChange={setFailing} />
            <Group><Button type="submit" leftSection={<IconPlayerPlay size={16} aria-hidden />} loading={trial.isPending} disabled={bad}>{t('test.go')}</Button></Group>
          </Stack>
        </form>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 8 }}>
        <div role="status" aria-live="polite">
          {trial.isError && <><Problem error={trial.error} /><Wrong error={trial.error} /></>}
          {found === undefined && !trial.isError && <Text size="sm" c="dimmed">{t(trial.isPending ? 'test.running' : 'test.nothing')}</Text>}
          {found !== undefined && (
            <Stack>
              <Text>{t('test.story', { who: found.who, began: dayjs(found.began).format('D MMM YYYY HH:mm'), days: Math.max(0, Math.round((found.ended - found.began) / 86_400_000)), event: found.event?.event ?? t('test.by_hand') })}</Text>
              {found.refused !== null && <Alert color="yellow" title={t('test.refused')}>{t(`test.why.${found.refused}`, { defaultValue: found.refused.replaceAll('_', ' ') })}</Alert>}
              <Timeline active={shown.length} bulletSize={14} lineWidth={2}>
                {shown.map((one, index) => <Line key={index} one={one} began={found.began} plan={plan} onShow={setFocus} />)}
              </Timeline>
              {found.left_out > 0 && <Text size="sm" c="dimmed">{t('test.left_out', { count: found.left_out })}</Text>}
            </Stack>
          )}
        </div>
        {walked.size > 0 && found !== undefined && (
          <Stack gap="xs" mt="md">
            <Title order={2}>{t('test.way')}</Title>
            <div className="builder" style={{ height: 420 }}>
              <Canvas plan={plan} marks={{ ...marks, walked }} kinds={kinds} selected={focus} editable={false} onSelect={(id) => setFocus(id)} onAdd={() => undefined} onConnect={() => undefined} onRemove={() => undefined} onDuplicate={() => undefined} onUndo={() => undefined} onRedo={() => undefined} />
            </div>
          </Stack>
        )}
      </Grid.Col>
    </Grid>
  );
}

function Wrong({ error }: { error: unknown }) {
  const problems = (error as { details?: { problems?: { message: string }[] } }).details?.problems ?? [];
  return problems.length === 0 ? null : <List size="sm" mt="xs">{problems.map((one, index) => <List.Item key={index}>{one.message}</List.Item>)}</List>;
}

/** The conditions of a branch in the order in which they were asked, until one was true. */
function Paths({ paths, taken }: { paths: Fields[]; taken: string }) {
  const { t } = useTranslation('journeys');
  const place = paths.findIndex((path) => (String(path.name ?? '') || String(path.go ?? '')) === taken);
  const asked = place < 0 ? paths : paths.slice(0, place + 1);
  return (
    <List size="xs" spacing={0}>
      {asked.map((path, index) => <List.Item key={index}><Code>{conditionText(path.when)}</Code> {t(index === place ? 'test.yes' : 'test.no')}</List.Item>)}
    </List>
  );
}

function Line({ one, began, plan, onShow }: { one: Decided; began: number; plan: Plan; onShow: (step: string) => void }) {
  const { t } = useTranslation('journeys');
  const { data } = one;
  const step = typeof data.step === 'string' ? data.step : '';
  const id = written(plan.steps, step);
  const days = Math.floor((one.time - began) / 86_400_000);
  const held = one.kind === 'held' || one.kind === 'refused';
  const values = {
    step: plan.steps[id]?.title || step.replaceAll('_', ' '), outcome: String(data.outcome ?? '').replaceAll('_', ' '), template: String(data.template ?? data.channel ?? ''), channel: String(data.channel ?? ''),
    reason: String(data.reason ?? '').replaceAll('_', ' '), until: typeof data.until === 'number' ? dayjs(data.until).format('D MMM YYYY HH:mm') : '', goal: String(data.goal ?? ''), task: one.name, path: String(data.path ?? ''),
  };
  const colour = held ? 'yellow' : one.kind === 'message' ? 'blue' : one.kind === 'goal' ? 'teal' : one.kind === 'ended' ? 'red' : 'gray';
  return (
    <Timeline.Item color={colour} title={
      <Group gap={6}>
        <Text size="sm" fw={600} component="span">{t(`test.kinds.${one.kind}${one.kind === 'wait' && values.until === '' ? '_open' : ''}`, { ...values, defaultValue: one.kind })}</Text>
        {step !== '' && <Anchor component="button" type="button" size="xs" onClick={() => onShow(id)}>{values.step}</Anchor>}
        {data.ghost !== undefined && data.ghost !== null && <Badge size="xs" variant="light" color="gray">{t('people.ghost')}</Badge>}
      </Group>
    }>
      <Text size="xs" c="dimmed">{t('test.day', { day: days })} · {dayjs(one.time).format('ddd D MMM HH:mm')}</Text>
      {one.kind === 'step' && plan.steps[step]?.kind === 'branch' && <Paths paths={(plan.steps[step]?.paths ?? []) as Fields[]} taken={String(data.outcome ?? '')} />}
      <Reasons data={data} />
    </Timeline.Item>
  );
}

