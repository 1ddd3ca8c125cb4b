import { useQuery } from '@tanstack/react-query';

import { call } from '../../api/client';
import type { Subject } from '../../parts/subject/types';

export interface Segment {
  name: string;
  description: string;
  of: string;
  manual: boolean;
  size: number;
  share: number | null;
}

export interface Preview {
  count: number;
  looked_at: number;
  share: number | null;
  complete: boolean;
  items: Subject[];
}

export function useSegments() {
  return useQuery({ queryKey: ['segments'], queryFn: ({ signal }) => call<Segment[]>('GET', '/api/segments', undefined, signal) });
}
