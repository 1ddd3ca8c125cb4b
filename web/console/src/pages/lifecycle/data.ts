import { useQuery } from '@tanstack/react-query';

import { call } from '../../api/client';

export interface LifecycleCounts { name: string; of: string; stages: { name: string; count: number }[]; outside: number }
export interface ScoreCounts { name: string; of: string; bands: Record<string, number>; unknown: number }

/** One set of weights of a score: for a stage, a segment and a tier, each or none. */
export interface Weights { stage?: string; segment?: string; tier?: string; weights: Record<string, number> }

export function useLifecycles() {
  return useQuery({ queryKey: ['lifecycles'], queryFn: ({ signal }) => call<LifecycleCounts[]>('GET', '/api/lifecycles', undefined, signal) });
}

export function useScores() {
  return useQuery({ queryKey: ['scores'], queryFn: ({ signal }) => call<ScoreCounts[]>('GET', '/api/scores', undefined, signal) });
}
