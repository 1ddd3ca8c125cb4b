import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { call } from '../../api/client';

/** Something wrong with the workspace as it will be. */
export interface Trouble {
  severity?: string;
  message: string;
  file?: string;
  line?: number;
  field?: string;
  fix?: string;
}

export interface Held {
  section: string;
  name: string;
  path: string;
  current: Record<string, unknown> | null;
  drafted: Record<string, unknown> | null;
  revision: number | null;
}

interface Kept {
  draft: { path: string; revision: number };
  problems: Trouble[];
}

export interface Comparison {
  version: string;
  changes: { action: string; section: string; name: string; prose?: boolean }[];
  journeys: { journey: string; choices: Record<string, number> }[];
  problems: Trouble[];
}

const at = (section: string, name: string) => `/api/workspace/objects/${encodeURIComponent(section)}/${encodeURIComponent(name)}`;

/** An object of the workspace, as it is in force and as its draft has it. */
export function useObject(section: string, name: string) {
  return useQuery({ queryKey: ['object', section, name], enabled: name !== '', queryFn: ({ signal }) => call<Held>('GET', at(section, name), undefined, signal) });
}

/** Writes an object into the draft of its file; gives everything that is wrong then. */
export function useDraft(section: string, name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ object, revision }: { object: Record<string, unknown> | null; revision: number | null }) => call<Kept>('PUT', at(section, name), { object, revision }),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['object'] }), client.invalidateQueries({ queryKey: ['drafts'] })]),
  });
}

export function useDrafts() {
  return useQuery({ queryKey: ['drafts'], queryFn: ({ signal }) => call<{ path: string; by: string; changed: number }[]>('GET', '/api/workspace/drafts', undefined, signal) });
}

/** What publishing the drafts would change; asked when somebody wants to know. */
export function useComparison(wanted: boolean) {
  return useQuery({ queryKey: ['drafts', 'comparison'], enabled: wanted, staleTime: 0, queryFn: ({ signal }) => call<Comparison>('GET', '/api/workspace/drafts/comparison', undefined, signal) });
}

export function useForgetDraft() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (path: string) => call('DELETE', `/api/workspace/files/${path}`),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['object'] }), client.invalidateQueries({ queryKey: ['drafts'] })]),
  });
}

/** Puts the drafts in force. `then` is called before anything is asked anew: what asked for it may be gone afterwards. */
export function usePublish(then: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (expected: string) => call('POST', '/api/workspace/drafts/publish', { expected }),
    onSuccess: () => {
      then();
      return client.invalidateQueries();
    },
  });
}

/** Asks somebody else to approve the drafts. */
export function useAskApproval() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (comment: string) => call('POST', '/api/approvals', { comment }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  });
}
