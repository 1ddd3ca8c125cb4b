import { useInfiniteQuery } from '@tanstack/react-query';

import { call } from '../api/client';
import type { AskedOf } from './Asked';

/** A list that comes in pages: the rows so far, and how to get more. */
export interface Listed<T> {
  rows: T[];
  more: boolean;
  next: () => void;
  loading: boolean;
  query: AskedOf<unknown>;
}

interface Page<T> {
  items: T[];
  next: number | null;
}

/** Asks `path` page by page. `cursor` is the parameter that `next` goes into; `null` leaves a parameter out. */
export function usePages<T>(
  path: string, parameters: Record<string, string | number | boolean | null | undefined> = {},
  { cursor = 'after', limit = 50, enabled = true, every }: { cursor?: 'after' | 'before'; limit?: number; enabled?: boolean; every?: number } = {},
): Listed<T> {
  const query = useInfiniteQuery({
    queryKey: [path, parameters, limit], enabled, refetchInterval: every ?? false,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam, signal }) => call<Page<T>>('GET', address(path, { ...parameters, limit, [cursor]: pageParam }), undefined, signal),
    getNextPageParam: (page) => page.next,
    placeholderData: (before) => before,
  });
  return {
    rows: query.data?.pages.flatMap((page) => page.items) ?? [], more: query.hasNextPage, next: () => void query.fetchNextPage(),
    loading: query.isFetchingNextPage, query,
  };
}

/** An address with parameters; what is null or undefined is left out. */
export function address(path: string, parameters: Record<string, string | number | boolean | null | undefined>): string {
  const held = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null && value !== undefined) held.set(name, String(value));
  const said = held.toString();
  return said === '' ? path : `${path}?${said}`;
}
