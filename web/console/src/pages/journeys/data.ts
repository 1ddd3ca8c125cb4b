import { useQuery, type UseQueryResult } from '@tanstack/react-query';

import { ApiError, call } from '../../api/client';
import type { Fields, Plan } from './plan';
import type { Definitions } from './schema';

/** What the server says about journeys, as far as these pages show it. */
export interface Paused { since: number; clock: string; entries: string; finish: boolean; waiting: number }
export interface JourneyShown {
  name: string; title: string; description: string; of: string; state: 'published' | 'paused' | 'shadow' | 'archived';
  version: number; running: number; steps: number; pause: Paused | null;
}
export interface VersionShown { version: number; runs: number; standing: Record<string, number> }
export interface JourneyFull extends JourneyShown {
  plan: Plan; plan_version: number; versions: VersionShown[]; refused: Record<string, number>;
}
export interface Problem { code: string; severity: 'error' | 'warning'; message: string; field?: string; suggestion?: string }
export interface Draft { journey: string; plan: Plan; base: number | null; created: number; changed: number; by: string; revision: number }
export interface DraftKept { draft: Draft; problems: Problem[] }
export interface Change {
  action: string; part: string; name: string; fields?: { field: string; before: unknown; after: unknown }[];
  choice?: boolean; prose?: boolean; detail?: string;
}
export interface Trial {
  journey: string; matching: number; refused: Record<string, number>; ghosts: number;
  messages: Record<string, Record<string, number>>; tasks: Record<string, number>; days: number;
}
export interface Prospect {
  new: boolean; changes: Change[]; choices: Record<string, number>; standing: { version: number; steps: Record<string, number> }[];
  problems: Problem[]; trial: Trial | null;
}
export interface Published { number: number; version: number; time: number; enter: string }
export interface RunNow {
  id: string; number: number; journey: string; version: number; of: string; subject: string; key: string | null;
  ghost: boolean; started: number; step: string; visit: number; since: number; due: number | null;
}
export interface Items<T> { items: T[]; next: number | null }
export interface Answer {
  sentence: string; estimates: Fields[]; tables: Record<string, Record<string, unknown>[]>; caveats: Fields[];
}

export const at = (name: string): string => `/api/journeys/${encodeURIComponent(name)}`;

/** What is there under a name, or null where there is nothing. */
export async function found<T>(path: string, signal?: AbortSignal): Promise<T | null> {
  try {
    return await call<T>('GET', path, undefined, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export const useJourneys = (): UseQueryResult<JourneyShown[]> =>
  useQuery({ queryKey: ['journeys'], queryFn: ({ signal }) => call<JourneyShown[]>('GET', '/api/journeys', undefined, signal), refetchInterval: 15_000 });

export const useDrafts = (): UseQueryResult<Draft[]> =>
  useQuery({ queryKey: ['drafts'], queryFn: ({ signal }) => call<Draft[]>('GET', '/api/drafts', undefined, signal) });

export const useJourney = (name: string): UseQueryResult<JourneyFull | null> =>
  useQuery({ queryKey: ['journey', name], queryFn: ({ signal }) => found<JourneyFull>(at(name), signal), refetchInterval: 5_000 });

/** The draft is asked for once: from then on the page itself knows it best. */
export const useDraft = (name: string): UseQueryResult<DraftKept | null> =>
  useQuery({
    queryKey: ['draft', name], queryFn: ({ signal }) => found<DraftKept>(`/api/drafts/${encodeURIComponent(name)}`, signal),
    staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false,
  });

export const useDefinitions = (): UseQueryResult<Definitions> =>
  useQuery({ queryKey: ['journey schema'], queryFn: ({ signal }) => call<Definitions>('GET', '/api/journeys/schema', undefined, signal), staleTime: Infinity });

/** How the journey went, from the warehouse: entries, steps, ways, ends. */
export const useReport = (name: string, enabled: boolean): UseQueryResult<Answer> =>
  useQuery({
    queryKey: ['journey report', name], enabled,
    queryFn: ({ signal }) => call<Answer>('POST', '/api/ask/journey-report', { journey: name }, signal), staleTime: 60_000,
  });

/** The step of the plan that a step of the engine belongs to: a block writes itself out as `ID.part`. */
export function written(steps: Record<string, unknown>, id: string): string {
  let held = id;
  while (!(held in steps) && held.includes('.')) held = held.slice(0, held.lastIndexOf('.'));
  return held;
}

/** Where a problem stands: the id of a step, a part of the journey, or the journey as a whole (""). */
export function place(problem: Problem, steps: Record<string, unknown>): { step: string | null; field: string } {
  const parts = split(problem.field ?? '');
  const inside = parts[0] === 'journeys' ? parts.slice(2) : parts[0] === 'plan' ? parts.slice(1) : parts;
  if (inside[0] === 'steps' && inside[1] !== undefined) {
    const id = written(steps, inside[1]);
    return { step: id in steps ? id : null, field: inside.slice(2).join('.') };
  }
  return { step: null, field: inside.join('.') };
}

function split(field: string): string[] {
  const found: string[] = [];
  for (const [, quoted, index, plain] of field.matchAll(/\['([^']*)'\]|\[(\d+|\.\.\.)\]|([^.[\]]+)/g)) found.push(quoted ?? index ?? plain ?? '');
  return found;
}
