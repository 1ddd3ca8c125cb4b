import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { call } from '../api/client';
import { areas } from '../areas';

export const openSearch = spotlight.open;

interface Found {
  items: { kind: string; id: string; title: string; detail: string }[];
}

const WHERE: Record<string, (id: string) => string> = {
  person: (id) => `/people/${id}`,
  account: (id) => `/accounts/${id}`,
  journey: (id) => `/journeys/${id}`,
  segment: (id) => `/segments/${id}`,
  template: (id) => `/templates/${id}`,
};

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
  const actions = useMemo<(SpotlightActionData | SpotlightActionGroupData)[]>(() => {
    const places = areas
      .map((area) => ({ id: `place ${area.name}`, label: t(`areas.${area.name}`), onClick: () => void go(area.path) }))
      .filter((place) => place.label.toLowerCase().includes(query.trim().toLowerCase()));
    const groups = new Map<string, SpotlightActionData[]>();
    for (const item of asked.length > 1 ? (data?.items ?? []) : []) {
      const where = WHERE[item.kind];
      if (where === undefined) continue;
      const held = groups.get(item.kind) ?? [];
      held.push({ id: `${item.kind} ${item.id}`, label: item.title, description: item.detail, onClick: () => void go(where(item.id)) });
      groups.set(item.kind, held);
    }
    return [
      ...[...groups].map(([kind, held]) => ({ group: t(`search.kinds.${kind}`), actions: held })),
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
