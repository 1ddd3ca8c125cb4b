import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { Problem } from '../shell/Broken';

/** What was asked of the server: a skeleton while it comes, the reason when it does not, else `children`. */
export function Asked<T>(
  { query, lines = 4, children }: { query: UseQueryResult<T>; lines?: number; children: (data: T) => ReactNode },
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
