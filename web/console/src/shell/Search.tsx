import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { call } from '../api/client';
import { areas } from '../areas';
import { called, type Subject, where } from '../parts/subject/types';
import { words } from '../parts/words';

export const openSearch = spotlight.open;

interface Found {
  people: Subject[];
  accounts: Subject[];
  objects: { kind: string; name: string; title: string; path: string }[];
}

/** What tells somebody from another of the same name. */
function detail(one: Subject): string {
  const stage = Object.values(one.stages).find((held) => held !== null);
  return [one.identifiers.email?.[0] ?? Object.values(one.identifiers)[0]?.[0], stage == null ? undefined : words(stage)].filter(Boolean).join(' · ');
}

/** Everything by name: people, accounts, objects of the workspace, and the console's own places. */
export function Search() {
  const { t } = useTranslation();
  const go = useNavigate();
  const [query, setQuery] = useState('');
  const [asked] = useDebouncedValue(query.trim(), 120);
  const { data } = useQuery({
    queryKey: ['search', asked],
    queryFn: ({ signal }) => call<Found>('GET', `/api/search?q=${encodeURIComponent(asked)}`, undefined, signal),
    enabled: asked.length > 1,
    placeholderData: (before) => before,
  });
  // What came later than the typing is chosen by Enter too: the first of it is marked as the palette itself marks.
  useEffect(() => {
    const [first, ...others] = document.querySelectorAll('[data-action]');
    for (const other of others) other.removeAttribute('data-selected');
    first?.setAttribute('data-selected', 'true');
  }, [data]);
  const actions = useMemo<(SpotlightActionData | SpotlightActionGroupData)[]>(() => {
    const places = areas
      .map((area) => ({ id: `place ${area.name}`, label: t(`areas.${area.name}`), onClick: () => void go(area.path) }))
      .filter((place) => place.label.toLowerCase().includes(query.trim().toLowerCase()));
    const groups: [string, SpotlightActionData[]][] = [];
    if (asked.length > 1 && data !== undefined) {
      for (const [kind, held] of [['person', data.people], ['account', data.accounts]] as const) {
        groups.push([kind, held.map((one) => ({ id: `${kind} ${one.id}`, label: called(one), description: detail(one), onClick: () => void go(where(one)) }))]);
      }
      for (const kind of new Set(data.objects.map((one) => one.kind).filter((one) => one !== 'page'))) {
        const held = data.objects.filter((one) => one.kind === kind);
        groups.push([kind, held.map((one) => ({ id: `${kind} ${one.name}`, label: one.title === one.name ? words(one.name) : one.title, onClick: () => void go(one.path) }))]);
      }
    }
    return [
      ...groups.filter(([, held]) => held.length > 0).map(([kind, held]) => ({ group: t(`search.kinds.${kind}`), actions: held })),
      ...(places.length > 0 ? [{ group: t('search.kinds.place'), actions: places }] : []),
    ];
  }, [asked, data, go, query, t]);
  return (
    <Spotlight
      actions={actions} query={query} onQueryChange={setQuery} filter={(_, held) => held} scrollable highlightQuery
      maxHeight={420} shortcut={['mod + K', '/']} nothingFound={t(query === '' ? 'search.hint' : 'search.nothing')}
      searchProps={{ leftSection: <IconSearch size={18} aria-hidden />, placeholder: t('search.placeholder'), 'aria-label': t('search.placeholder') }}
    />
  );
}
