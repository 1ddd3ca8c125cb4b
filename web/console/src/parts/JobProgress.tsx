import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../api/client';

/** Long work of the server: how far it is, and what came of it. */
export interface Job {
  id: string;
  kind: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  done: number;
  total: number | null;
  message?: string | null;
  result?: unknown;
  error?: { code: string; message: string; fix?: string } | null;
}

const POLL_MS = 700;
const OVER = ['done', 'failed', 'cancelled'];

/** Shows a job until it is over; it can be cancelled. `onDone` gets what came of it. */
export function JobProgress({ id, onDone }: { id: string; onDone?: (result: unknown) => void }) {
  const { t } = useTranslation();
  const { data: job } = useQuery({
    queryKey: ['job', id], queryFn: () => call<Job>('GET', `/api/jobs/${id}`),
    refetchInterval: (query) => (OVER.includes(query.state.data?.state ?? '') ? false : POLL_MS),
  });
  const state = job?.state;
  useEffect(() => {
    if (state === 'done') onDone?.(job?.result);
  }, [state]);
  if (job === undefined) return null;
  if (job.state === 'failed') return <Alert color="red" title={t('parts.job.failed')}>{job.error?.message ?? job.message}</Alert>;
  const part = job.total ? (job.done / job.total) * 100 : undefined;
  return (
    <Stack gap={6} role="status">
      <Group justify="space-between">
        <Text size="sm">{job.message ?? t(`parts.job.${job.state}`)}</Text>
        {!OVER.includes(job.state) && (
          <Button size="compact-xs" variant="default" onClick={() => void call('DELETE', `/api/jobs/${id}`)}>{t('parts.cancel')}</Button>
        )}
      </Group>
      <Progress value={part ?? 100} animated={part === undefined && !OVER.includes(job.state)} aria-label={t(`parts.job.${job.state}`)} />
    </Stack>
  );
}
