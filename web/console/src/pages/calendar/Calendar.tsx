import { ActionIcon, Anchor, Badge, Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import dayjs, { type Dayjs } from 'dayjs';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import './calendar.css';

interface Entry { kind: 'broadcast' | 'journey'; name: string; title: string; at: number; size: number | null; state: string }
interface Day { at: number; contracts: number; waiting: Record<string, number>; expected: number }
interface Ahead { as_of: number; entries: Entry[]; days: Day[] }

const DAYS = 120;

/** What is ahead: broadcasts, journeys that begin by schedule, renewals, waits that end, and the messages to expect. */
export function CalendarPage() {
  const { t } = useTranslation('calendar');
  const asked = useQuery({ queryKey: ['calendar'], queryFn: ({ signal }) => call<Ahead>('GET', `/api/calendar?days=${DAYS}`, undefined, signal) });
  return <Page name="calendar" detail={t('detail')}><Asked query={asked} lines={8}>{(held) => <Months held={held} />}</Asked></Page>;
}

function Months({ held }: { held: Ahead }) {
  const { t } = useTranslation('calendar');
  const narrow = useMediaQuery('(max-width: 48em)') ?? false;
  const today = dayjs(held.as_of).startOf('day');
  const [month, setMonth] = useState(today.startOf('month'));
  const byDay = useMemo(() => {
    const found = new Map<string, { day?: Day; entries: Entry[] }>();
    const of = (time: number) => {
      const key = dayjs(time).format('YYYY-MM-DD');
      const there = found.get(key) ?? { entries: [] };
      found.set(key, there);
      return there;
    };
    // Days of the server are those of UTC: their date is what counts, not their first instant here.
    for (const day of held.days) {
      const key = new Date(day.at).toISOString().slice(0, 10);
      found.set(key, { ...(found.get(key) ?? { entries: [] }), day });
    }
    for (const one of held.entries) of(one.at).entries.push(one);
    return found;
  }, [held]);
  const most = Math.max(1, ...held.days.map((day) => day.expected));
  const last = today.add(DAYS, 'day');
  const first = month.subtract((month.day() + 6) % 7, 'day');
  const weeks = Array.from({ length: Math.ceil(((month.day() + 6) % 7 + month.daysInMonth()) / 7) }, (_, week) => Array.from({ length: 7 }, (__, day) => first.add(week * 7 + day, 'day')));
  const listed = Array.from({ length: month.daysInMonth() }, (_, day) => month.add(day, 'day')).filter((day) => { const there = byDay.get(day.format('YYYY-MM-DD')); return there !== undefined && (there.entries.length > 0 || (there.day !== undefined && (there.day.contracts > 0 || there.day.expected > 0 || Object.keys(there.day.waiting).length > 0))); });
  return (
    <Stack>
      <Group>
        <ActionIcon variant="default" aria-label={t('before')} disabled={!month.isAfter(today.startOf('month'))} onClick={() => setMonth(month.subtract(1, 'month'))}><IconChevronLeft size={16} /></ActionIcon>
        <Title order={2} miw={150} ta="center" aria-live="polite">{month.format('MMMM YYYY')}</Title>
        <ActionIcon variant="default" aria-label={t('after')} disabled={!month.add(1, 'month').isBefore(last)} onClick={() => setMonth(month.add(1, 'month'))}><IconChevronRight size={16} /></ActionIcon>
        <Button size="xs" variant="default" onClick={() => setMonth(today.startOf('month'))}>{t('today')}</Button>
      </Group>
      {narrow
        ? <Stack gap="xs">{listed.length === 0 ? <Text size="sm" c="dimmed">{t('nothing')}</Text> : listed.map((day) => <Paper key={day.valueOf()} withBorder p="xs"><Text size="sm" fw={600}>{day.format('ddd D MMM')}</Text><Inside there={byDay.get(day.format('YYYY-MM-DD'))} most={most} /></Paper>)}</Stack>
        : (
          <table className="calendar">
            <thead><tr>{weeks[0]?.map((day) => <th key={day.valueOf()} scope="col">{day.format('ddd')}</th>)}</tr></thead>
            <tbody>{weeks.map((week) => <tr key={week[0]?.valueOf()}>{week.map((day) => <Cell key={day.valueOf()} day={day} month={month} today={today} there={byDay.get(day.format('YYYY-MM-DD'))} most={most} />)}</tr>)}</tbody>
          </table>
        )}
      <Text size="xs" c="dimmed">{t('legend')}</Text>
    </Stack>
  );
}

function Cell({ day, month, today, there, most }: { day: Dayjs; month: Dayjs; today: Dayjs; there: { day?: Day; entries: Entry[] } | undefined; most: number }) {
  const mine = day.isSame(month, 'month');
  return (
    <td data-other={!mine || undefined} data-today={day.isSame(today, 'day') || undefined}>
      <Text size="xs" c={mine ? undefined : 'dimmed'} fw={day.isSame(today, 'day') ? 700 : 400}>{day.date()}</Text>
      <Inside there={mine ? there : undefined} most={most} />
    </td>
  );
}

function Inside({ there, most }: { there: { day?: Day; entries: Entry[] } | undefined; most: number }) {
  const { t } = useTranslation('calendar');
  if (there === undefined) return null;
  const { day } = there;
  const waiting = Object.values(day?.waiting ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <Stack gap={2}>
      {there.entries.map((one, index) => (
        <Anchor key={index} component={Link} size="xs" to={one.kind === 'broadcast' ? `/broadcasts/${encodeURIComponent(one.name)}` : `/journeys/${encodeURIComponent(one.name)}`}>
          {dayjs(one.at).format('HH:mm')} {one.title}{one.size === null ? '' : ` (${one.size.toLocaleString()})`}
        </Anchor>
      ))}
      {day !== undefined && day.contracts > 0 && <Badge size="xs" variant="light" color="orange">{t('contracts', { count: day.contracts })}</Badge>}
      {waiting > 0 && <Text size="xs" c="dimmed" title={Object.entries(day?.waiting ?? {}).map(([name, count]) => `${name}: ${count}`).join(', ')}>{t('waiting', { count: waiting })}</Text>}
      {day !== undefined && day.expected > 0 && (
        <div className="load"><span style={{ width: `${(day.expected / most) * 100}%` }} /><Text size="xs" c="dimmed" component="span">{t('expected', { count: day.expected })}</Text></div>
      )}
    </Stack>
  );
}
