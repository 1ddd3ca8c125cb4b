import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';

interface Found { items: { kind: string; id: string; title: string; detail: string }[] }

/** Somebody real, sought by name or address; nobody known when empty. */
export function PersonPicker({ label, value, onChange }: { label: string; value: string | null; onChange: (id: string | null) => void }) {
  const { t } = useTranslation('templates');
  const [text, setText] = useState('');
  const [asked] = useDebouncedValue(text.trim(), 150);
  const { data } = useQuery<Found>({
    queryKey: ['search', asked], enabled: asked.length > 1, placeholderData: (held) => held,
    queryFn: ({ signal }) => call<Found>('GET', `/api/search?q=${encodeURIComponent(asked)}`, undefined, signal),
  });
  const people = (data?.items ?? []).filter((one) => one.kind === 'person').map((one) => ({ value: one.id, label: one.detail === '' ? one.title : `${one.title} · ${one.detail}` }));
  return (
    <Select
      label={label} placeholder={t('nobody')} searchable clearable data={people} value={value} onChange={onChange} searchValue={text} onSearchChange={setText}
      filter={({ options }) => options} nothingFoundMessage={asked.length > 1 ? t('no_person') : t('type')} w={280} size="xs"
    />
  );
}
