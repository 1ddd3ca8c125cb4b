import { useQuery, useQueryClient } from '@tanstack/react-query';

import { call, queries, useToken } from './client';

export type Role = 'viewer' | 'editor' | 'publisher' | 'admin';

/** Somebody who works with the console. */
export interface Member {
  id: string;
  name: string;
  email: string;
  role: Role;
  acts_as?: string | null;
}

/** Who is logged in, and what they may do. */
export interface Session {
  member: Member;
  csrf: string;
  may: Role[];
}

/** What the service says of whoever asks: a session, or how one is begun. */
export interface Door {
  member: Member | null;
  csrf: string | null;
  may: Role[];
  set_up: boolean;
  provider: { name: string; url: string } | null;
}

/** Who is logged in (asked once, and again when the window comes back), or how one logs in. */
export async function door(): Promise<Door> {
  const found = await call<Door>('GET', '/api/session');
  useToken(found.csrf ?? '');
  return found;
}

export const SESSION = ['session'] as const;

export function useDoor(): Door | undefined {
  return useQuery({ queryKey: SESSION, queryFn: door, staleTime: 60_000 }).data;
}

/** Keeps what a log-in answered. */
export function enter(made: Door): void {
  useToken(made.csrf ?? '');
  queries.setQueryData(SESSION, made);
}

/** Undefined until it is known, null for nobody. */
export function useSession(): Session | null | undefined {
  const found = useDoor();
  if (found === undefined) return undefined;
  return found.member === null ? null : { member: found.member, csrf: found.csrf ?? '', may: found.may };
}

/** Whether who is logged in may do what `role` may. */
export function useMay(role: Role): boolean {
  return useDoor()?.may.includes(role) ?? false;
}

export async function logIn(email: string, password: string): Promise<void> {
  enter(await call<Door>('POST', '/api/session', { email, password }));
}

export function useLogOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await call('DELETE', '/api/session');
    useToken('');
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
    await client.fetchQuery({ queryKey: SESSION, queryFn: door, staleTime: 0 });
  };
}
