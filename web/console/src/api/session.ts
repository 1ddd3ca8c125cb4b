import { useQuery, useQueryClient } from '@tanstack/react-query';

import { ApiError, call, queries, useToken } from './client';

export type Role = 'viewer' | 'editor' | 'publisher' | 'admin';
const ORDER: Role[] = ['viewer', 'editor', 'publisher', 'admin'];

/** Who is logged in. */
export interface Session {
  member: { id: string; name: string; email: string; role: Role };
  csrf: string;
}

/** Who is logged in, or undefined; asked once and again when the window comes back. */
export async function session(): Promise<Session | null> {
  try {
    const found = await call<Session>('GET', '/api/session');
    useToken(found.csrf);
    return found;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export const SESSION = ['session'] as const;

export function useSession(): Session | null | undefined {
  return useQuery({ queryKey: SESSION, queryFn: session, staleTime: 60_000 }).data;
}

/** Whether who is logged in may do what `role` may. */
export function useMay(role: Role): boolean {
  const held = useSession();
  return held != null && ORDER.indexOf(held.member.role) >= ORDER.indexOf(role);
}

export async function logIn(email: string, password: string): Promise<Session> {
  const made = await call<Session>('POST', '/api/session', { email, password });
  useToken(made.csrf);
  queries.setQueryData(SESSION, made);
  return made;
}

export function useLogOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await call('DELETE', '/api/session');
    useToken('');
    client.clear();
    client.setQueryData(SESSION, null);
  };
}
