import { Badge, Group, Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';

import { call } from '../../api/client';
import { Asked } from '../Asked';
import { BandBadge } from '../Band';
import { type Column, DataTable } from '../DataTable';
import { Empty } from '../Empty';
import { usePages } from '../usePages';
import { words } from '../words';
import { called, plural, type Subject, where } from './types';

interface Counted { name: string; of: string; stages?: { name: string; count: number }[]; bands?: Record<string, number> }
interface Segment { name: string; of: string; size: number }

/** People or accounts, found by the beginning of an identifier or narrowed by stage, band and segment; the address says how. */
export function SubjectList({ of, score, owner = null }: { of: 'person' | 'account'; score: string; owner?: string | null }) {
  const { t } = useTranslation('subject');
  const [held, setHeld] = useSearchParams();
  const [typed, setTyped] = useState('');
  const [prefix] = useDebouncedValue(typed.trim(), 150);
  const lifecycles = useQuery({ queryKey: ['/api/lifecycles'], queryFn: () => call<Counted[]>('GET', '/api/lifecycles') });
  const scores = useQuery({ queryKey: ['/api/scores'], queryFn: () => call<Counted[]>('GET', '/api/scores') });
  const segments = useQuery({ queryKey: ['/api/segments'], queryFn: () => call<Segment[]>('GET', '/api/segments') });
  const [lifecycle, stage, band, segment] = [held.get('lifecycle'), held.get('stage'), held.get('band'), held.get('segment')];
  const asked = held.get('score') ?? score;
  const narrowed = prefix !== '' ? { prefix } : { lifecycle: stage === null ? null : lifecycle, stage, score: band === null ? null : asked, band, segment, owner };
  const listed = usePages<Subject>(`/api/${plural(of)}`, narrowed);
  const choose = (changes: Record<string, string | null>) => setHeld((before) => {
    const after = new URLSearchParams(before);
    for (const [name, value] of Object.entries(changes)) if (value === null) after.delete(name); else after.set(name, value);
    return after;
  }, { replace: true });
  const stages = (lifecycles.data ?? []).filter((one) => one.of === of)
    .flatMap((one) => (one.stages ?? []).map((two) => ({ value: `${one.name}/${two.name}`, label: `${words(two.name)} (${two.count})` })));
  const bands = (scores.data ?? []).filter((one) => one.of === of)
    .map((one) => ({ group: words(one.name), items: Object.entries(one.bands ?? {}).map(([name, count]) => ({ value: `${one.name}/${name}`, label: `${words(one.name)}: ${words(name).toLowerCase()} (${count})` })) }));
  const shown = of === 'account' ? t('list.accounts') : t('list.people');
  const columns: Column<Subject>[] = [
    { key: 'name', title: t('list.name'), render: called, sort: called },
    { key: 'stage', title: t('list.stage'), render: (row) => Object.values(row.stages).map((one) => <Badge key={one} variant="light" tt="none" radius="sm" fw={500}>{one === null ? '–' : words(one)}</Badge>), sort: (row) => Object.values(row.stages)[0] },
    { key: 'score', title: words(score), render: (row) => <BandBadge of={score} band={row.bands[score]} />, sort: (row) => row.bands[score] },
    ...Object.keys(listed.rows[0]?.bands ?? {}).filter((name) => name !== score).slice(0, 2).map((name): Column<Subject> => (
      { key: name, title: words(name), wide: true, render: (row) => <BandBadge of={name} band={row.bands[name]} />, sort: (row) => row.bands[name] }
    )),
    { key: 'id', title: t('list.known_as'), wide: true, render: (row) => row.identifiers.email?.[0] ?? Object.values(row.identifiers)[0]?.[0] ?? '' },
  ];
  return (
    <>
      <Group gap="xs" align="flex-end">
        <TextInput flex={1} miw={200} label={t('list.find')} placeholder={t('list.find_how')} leftSection={<IconSearch size={16} aria-hidden />} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
        <Select
          w={170} label={t('list.stage')} data={stages} clearable searchable disabled={prefix !== ''} value={stage === null ? null : `${lifecycle}/${stage}`} clearButtonProps={{ 'aria-label': t('list.clear') }}
          onChange={(value) => choose({ lifecycle: value?.split('/')[0] ?? null, stage: value?.split('/')[1] ?? null })}
        />
        <Select
          w={210} label={t('list.band')} data={bands} clearable searchable disabled={prefix !== ''} value={band === null ? null : `${asked}/${band}`} clearButtonProps={{ 'aria-label': t('list.clear') }}
          onChange={(value) => choose({ score: value?.split('/')[0] ?? null, band: value?.split('/')[1] ?? null })}
        />
        <Select
          w={210} label={t('list.segment')} clearable searchable disabled={prefix !== ''} value={segment} onChange={(value) => choose({ segment: value })} clearButtonProps={{ 'aria-label': t('list.clear') }}
          data={(segments.data ?? []).filter((one) => one.of === of).map((one) => ({ value: one.name, label: `${words(one.name)} (${one.size})` }))}
        />
      </Group>
      <Asked query={listed.query} lines={10}>
        {() => (listed.rows.length === 0
          ? <Empty icon={IconUsers} title={t('list.empty')}>{t('list.empty_why')}</Empty>
          : <DataTable label={shown} columns={columns} rows={listed.rows} id={(row) => row.id} href={where} more={listed.more} onMore={listed.next} loading={listed.loading} />)}
      </Asked>
    </>
  );
}
