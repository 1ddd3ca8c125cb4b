import { useQuery } from '@tanstack/react-query';

import { call } from '../../api/client';

export interface Variant { template: string; sent: number; won: number }
export interface Audience { size: number; test: number; variants: Record<string, number> }
export interface BroadcastShown {
  name: string; state: 'planned' | 'refused' | 'scheduled' | 'sending' | 'testing' | 'paused' | 'done' | 'cancelled';
  planned: number | null; at: number | null; acknowledged: number | null; size: number | null; variants: Variant[]; audience?: Audience;
}
export interface Segment { name: string; description: string; of: string; manual: boolean; size: number; share: number | null }
export interface Template { channel?: string; subject?: string; text?: string; html?: string; mjml?: string; category?: string; body?: string; title?: string; transactional?: boolean }

export const at = (name: string): string => `/api/broadcasts/${encodeURIComponent(name)}`;
export const useBroadcasts = () => useQuery({ queryKey: ['broadcasts'], queryFn: ({ signal }) => call<BroadcastShown[]>('GET', '/api/broadcasts', undefined, signal), refetchInterval: 10_000 });
export const useBroadcast = (name: string) => useQuery({ queryKey: ['broadcast', name], queryFn: ({ signal }) => call<BroadcastShown>('GET', at(name), undefined, signal), refetchInterval: 3_000 });
export const useSegments = () => useQuery({ queryKey: ['segments'], queryFn: ({ signal }) => call<Segment[]>('GET', '/api/segments', undefined, signal), refetchInterval: 15_000 });

export const COLOURS: Record<string, string> = { planned: 'gray', refused: 'red', scheduled: 'blue', sending: 'teal', testing: 'violet', paused: 'yellow', done: 'green', cancelled: 'gray' };
