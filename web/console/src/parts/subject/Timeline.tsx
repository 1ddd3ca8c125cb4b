import { ActionIcon, Box, Chip, Code, Collapse, Group, Stack, Text, ThemeIcon, Tooltip } from '@mantine/core';
import {
  IconArrowsRight, IconBan, IconBell, IconCircleDot, IconClock, IconFlag, IconGauge, IconGhost, IconListCheck, IconMail, IconRoute, IconTag,
  IconTrendingUp, IconUsersGroup,
} from '@tabler/icons-react';
import { IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { value, words } from '../words';
import { atomWords } from './Rules';
import { type Moment, plural } from './types';
import { useLive } from './useLive';

/** Kinds of effects that belong together, as somebody would choose them. */
const KINDS: Record<string, string[]> = {
  stages: ['stage'], health: ['band', 'velocity', 'jump'], segments: ['entered', 'left'],
  messages: ['message', 'held', 'deferred', 'would_send', 'outcome'], journeys: ['run', 'refused', 'step', 'wait', 'goal', 'ended'],
  tasks: ['task', 'task_joined', 'task_assigned', 'task_snoozed', 'task_escalated', 'task_noted', 'task_overdue', 'task_closed'],
};
const USUAL = ['stages', 'health', 'messages', 'tasks'];
const ICONS: Record<string, typeof IconMail> = {
  stage: IconArrowsRight, band: IconGauge, velocity: IconTrendingUp, jump: IconGauge, entered: IconTag, left: IconTag, message: IconMail,
  held: IconBan, deferred: IconClock, would_send: IconGhost, outcome: IconMail, run: IconRoute, refused: IconBan, step: IconRoute, wait: IconClock,
  goal: IconFlag, ended: IconRoute, merged: IconUsersGroup, task_overdue: IconBell,
};

/** What happened to somebody, the newest first and live; each line says why when it is asked. */
export function Timeline({ id, of }: { id: string; of: 'person' | 'account' }) {
  const { t } = useTranslation('subject');
  const [chosen, setChosen] = useState<string[]>(USUAL);
  const kinds = chosen.length === 0 ? Object.values(KINDS).flat() : chosen.flatMap((name) => KINDS[name] ?? []);
  const path = `/api/${plural(of)}/${id}/timeline?${kinds.map((kind) => `kind=${kind}`).join('&')}`;
  const listed = usePages<Moment>(path, {}, { cursor: 'before', limit: 40 });
  useLive(id, () => void listed.query.refetch());
  return (
    <Stack gap="sm">
      <Chip.Group multiple value={chosen} onChange={setChosen}>
        <Group gap={6} role="group" aria-label={t('timeline.show')}>
          {Object.keys(KINDS).map((name) => <Chip key={name} value={name} size="xs" variant="light">{t(`timeline.kinds.${name}`)}</Chip>)}
        </Group>
      </Chip.Group>
      <Asked query={listed.query} lines={8}>
        {() => (listed.rows.length === 0 ? <Empty icon={IconClock} title={t('timeline.empty')}>{t('timeline.empty_why')}</Empty> : (
          <Stack gap={0} component="ol" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('timeline.title')}>
            {listed.rows.map((one) => <Line key={`${one.number} ${one.kind}`} one={one} />)}
          </Stack>
        ))}
      </Asked>
      {listed.more && <Group><ActionIcon variant="default" w="auto" px="sm" loading={listed.loading} onClick={listed.next}>{t('common:parts.more')}</ActionIcon></Group>}
    </Stack>
  );
}

function Line({ one }: { one: Moment }) {
  const { t } = useTranslation('subject');
  const [open, setOpen] = useState(false);
  const Shown = ICONS[one.kind] ?? (one.kind.startsWith('task') ? IconListCheck : IconCircleDot);
  const answer = <Because one={one} />;
  return (
    <Box component="li" py={6} style={{ borderBottom: '1px solid var(--mantine-color-default-border)' }}>
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <ThemeIcon size={26} radius="xl" variant="light" color="gray"><Shown size={14} aria-hidden /></ThemeIcon>
        <Box flex={1} miw={0}>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>{sentence(one, t)}</Text>
          <Text size="xs" c="dimmed"><Ago time={one.time} /></Text>
        </Box>
        <Tooltip label={t('timeline.why')}>
          <ActionIcon variant="subtle" color="gray" aria-label={t('timeline.why_of', { what: sentence(one, t) })} aria-expanded={open} onClick={() => setOpen(!open)}>
            <IconChevronDown size={16} style={{ transform: open ? 'rotate(180deg)' : undefined }} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Collapse expanded={open} transitionDuration={0}>{open && <Box pl={38} pt={4}>{answer}</Box>}</Collapse>
    </Box>
  );
}

type T = ReturnType<typeof useTranslation>['t'];

/** An effect as a sentence. */
function sentence(one: Moment, t: T): string {
  const name = words(one.name);
  const data = one.data as Record<string, string | number | null | undefined>;
  const band = (held: unknown) => (held == null ? t('common:parts.unknown') : words(String(held)).toLowerCase());
  const texts: Record<string, () => string> = {
    stage: () => t('moments.stage', { name, from: data.from == null ? t('moments.new') : words(String(data.from)), to: data.to == null ? t('moments.none') : words(String(data.to)) }),
    band: () => t('moments.band', { name, from: band(data.from), to: band(data.to), value: data.value == null ? '' : ` (${Math.round(Number(data.value))})` }),
    velocity: () => t('moments.velocity', { name, to: t(`velocity.${data.to ?? 'unknown'}`) }),
    jump: () => t('moments.jump', { name }),
    entered: () => t('moments.entered', { name }),
    left: () => t('moments.left', { name }),
    message: () => t('moments.message', { template: words(String(data.template ?? '')), channel: data.channel ?? '', name }),
    held: () => t('moments.held', { template: words(String(data.template ?? '')), reason: words(String(data.reason ?? '')).toLowerCase(), name }),
    would_send: () => t('moments.would_send', { template: words(String(data.template ?? '')), name }),
  };
  const told = texts[one.kind];
  if (told !== undefined) return told();
  return one.text === null ? `${words(one.kind)}: ${name}` : `${name}: ${one.text.replaceAll('_', ' ')}`;
}

interface Reason {
  rule?: string;
  atoms?: { atom: string; value: unknown; holds: boolean | null }[];
  cause?: { kind: string; name?: string };
}

/** Why it happened: the rule with what it saw, what set it off, and where to look further. */
function Because({ one }: { one: Moment }) {
  const { t } = useTranslation('subject');
  const { why, run, effect, evidence, task, ...rest } = one.data as { why?: Reason | unknown[]; run?: string; effect?: string; task?: string; evidence?: Record<string, unknown> } & Record<string, unknown>;
  const reason = why !== undefined && !Array.isArray(why) ? why : undefined;
  const facts = Object.entries(rest).filter(([name, held]) => !HIDDEN.has(name) && held !== null && typeof held !== 'object');
  return (
    <Stack gap={4}>
      {one.why !== null && <Text size="sm">{one.why}</Text>}
      {reason?.rule !== undefined && <Text size="sm">{t('because.rule', { rule: reason.rule })}</Text>}
      {reason?.atoms?.map((atom) => (
        <Text size="sm" key={atom.atom} c={atom.holds === true ? undefined : 'dimmed'}>
          {atom.holds === true ? '✓' : atom.holds === false ? '✗' : '?'} {atomWords(atom.atom)} <Text span c="dimmed" inherit>({value(atom.value, t, atom.atom)})</Text>
        </Text>
      ))}
      {reason?.cause !== undefined && <Text size="sm">{t('because.cause', { cause: causeWords(reason.cause, t) })}</Text>}
      {facts.length > 0 && <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{facts.map(([name, held]) => `${words(name).toLowerCase()} ${value(held, t, name)}`).join(' · ')}</Text>}
      {reason === undefined && one.why === null && facts.length === 0 && <Text size="sm" c="dimmed">{t(`because.of.${one.kind}`, { defaultValue: t('because.of.other') })}</Text>}
      {evidence !== undefined && (
        <Text size="xs" c="dimmed">{Object.entries(evidence).filter(([, held]) => held !== null).map(([name, held]) => `${words(name).toLowerCase()}: ${value(held, t, name)}`).join(' · ')}</Text>
      )}
      <Group gap="md">
        {run !== undefined && <Text size="xs" component={Link} to={`/journeys/${one.name}`} c="var(--mantine-color-anchor)">{t('because.journey', { name: words(one.name) })}</Text>}
        {task !== undefined && <Text size="xs" component={Link} to={`/tasks/${task}`} c="var(--mantine-color-anchor)">{t('because.task')}</Text>}
        {effect !== undefined && <Text size="xs" c="dimmed">{t('because.effect')} <Code fz="xs">{effect}</Code></Text>}
      </Group>
    </Stack>
  );
}

const HIDDEN = new Set(['from', 'to', 'visit', 'version', 'address', 'recipient', 'id', 'transactional', 'expires', 'due', 'until', 'rule', 'text']);

function causeWords(cause: { kind: string; name?: string }, t: T): string {
  const known = ['event', 'time', 'segment', 'account', 'control', 'stage'].includes(cause.kind) ? cause.kind : 'other';
  return t(`because.causes.${known}`, { name: cause.name ?? '', kind: words(cause.kind).toLowerCase() });
}
