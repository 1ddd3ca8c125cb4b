import { useQuery } from '@tanstack/react-query';

import { call } from '../../api/client';
import { useWorkspace } from '../../parts/Money';

/** A phase of the plan, as the workspace writes it. */
export interface Phase {
  title: string;
  weeks: number[];
  stages: string[];
  journeys: string[];
  events: string[];
  goal: string;
}

export interface Seen { name: string; n: number; first: number; last: number }
export interface Journey { name: string; title: string; state: string; version: number; running: number }
interface Lifecycle { name: string; of: string; stages: { name: string; count: number }[] }

const EVENTS = `SELECT coalesce(nullif(name, ''), type) AS name, count(*) AS n, min(time) AS first, max(time) AS last FROM events GROUP BY 1 ORDER BY 2 DESC`;

/** Which events came so far, how often, and when; the page asks again while it is open. */
export function useEvents(every: number) {
  return useQuery({ queryKey: ['setup', 'events'], refetchInterval: every, queryFn: async () => (await call<{ rows: Seen[] }>('POST', '/api/warehouse/sql', { sql: EVENTS })).rows });
}

export function useJourneys() {
  return useQuery({ queryKey: ['/api/journeys'], queryFn: () => call<Journey[]>('GET', '/api/journeys') });
}

export function useLifecycles(every: number) {
  return useQuery({ queryKey: ['/api/lifecycles'], refetchInterval: every, queryFn: () => call<Lifecycle[]>('GET', '/api/lifecycles') });
}

export function usePhases(): [string, Phase][] | undefined {
  const held = useWorkspace()?.workspace.phases as Record<string, Partial<Phase>> | undefined;
  const asked = useWorkspace();
  if (asked === undefined) return undefined;
  return Object.entries(held ?? {}).map(([name, one]) => [name, { title: one.title ?? name, weeks: one.weeks ?? [], stages: one.stages ?? [], journeys: one.journeys ?? [], events: one.events ?? [], goal: one.goal ?? '' }]);
}
