import { Skeleton, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { Problem } from '../shell/Broken';

/** As much of a query as it takes to show what becomes of it. */
export interface AskedOf<T> {
  data: T | undefined;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
}

/** What was asked of the server: a skeleton while it comes, the reason when it does not, else `children`. */
export function Asked<T>(
  { query, lines = 4, children }: { query: AskedOf<T>; lines?: number; children: (data: T) => ReactNode },
) {
  const { t } = useTranslation();
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Problem error={query.error} retry={() => void query.refetch()} />;
  return (
    <Stack gap="xs" role="status" aria-label={t('loading')}>
      {Array.from({ length: lines }, (_, line) => <Skeleton key={line} height={18} width={`${92 - (line % 4) * 11}%`} />)}
    </Stack>
  );
}
