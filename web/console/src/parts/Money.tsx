import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import i18next from 'i18next';
import { useTranslation } from 'react-i18next';

import { call } from '../api/client';

/** What the console needs of the workspace's definition again and again. */
export interface Workspace {
  name: string;
  version: string;
  workspace: Record<string, unknown> & { title?: string; timezone?: string; currency?: string };
}

export function useWorkspace(): Workspace | undefined {
  return useQuery({ queryKey: ['workspace'], queryFn: () => call<Workspace>('GET', '/api/workspace'), staleTime: 300_000 }).data;
}

export function money(value: number, currency: string): string {
  return new Intl.NumberFormat(i18next.language, { style: 'currency', currency, maximumFractionDigits: 0 }).format(value);
}

/** A sum in the workspace's currency. */
export function Money({ value }: { value: number | null | undefined }) {
  const { t } = useTranslation();
  const currency = useWorkspace()?.workspace.currency || 'USD';
  return <Text span inherit className="numbers">{value == null ? t('parts.unknown') : money(value, currency)}</Text>;
}
