import { QueryClient } from '@tanstack/react-query';
import createClient, { type Middleware } from 'openapi-fetch';

import type { paths } from './schema';

/** What the server says when it refuses: what, where, and how to mend it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fix: string = '',
    readonly details: unknown = undefined,
  ) {
    super(message);
  }
}

let csrf = '';

/** The token that the session gave; sent with everything that changes something. */
export function useToken(token: string): void {
  csrf = token;
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== 'GET' && csrf !== '') request.headers.set('x-sevenfold-csrf', csrf);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    throw await asError(response);
  },
};

async function asError(response: Response): Promise<ApiError> {
  const said: unknown = await response.clone().json().catch(() => ({}));
  const { code = 'failed', message = response.statusText, fix = '' } = said as Record<string, string>;
  return new ApiError(response.status, code, message, fix, said);
}

/** The admin API, typed by its own description (`npm run types`). */
export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
api.use(guard);

/** A route by its address, for answers that no type describes. */
export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf !== '') headers['x-sevenfold-csrf'] = csrf;
  const response = await fetch(path, {
    method, headers, signal: signal ?? null, credentials: 'same-origin',
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!response.ok) throw await asError(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** What was asked stays fresh for some seconds; what is refused is not asked again. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
      refetchOnWindowFocus: true,
    },
  },
});
