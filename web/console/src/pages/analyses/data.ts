import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { call } from '../../api/client';

/** A value of a question or of a table, as JSON has it. */
export type Plain = string | number | boolean | null;
export type Row = Record<string, Plain>;
export type Fields = Record<string, unknown>;

/** The JSON Schema of a field, as far as forms need it. */
export interface Schema {
  type?: string;
  enum?: string[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  anyOf?: Schema[];
  $ref?: string;
}

export interface Analysis {
  name: string;
  summary: string;
  text: string;
  question: { $ref?: string; $defs?: Record<string, { properties: Record<string, Schema>; required?: string[] }> };
}

export interface Estimate {
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  level: number;
  unit: string;
}

export interface Answer {
  question: Fields;
  sentence: string;
  estimates: Estimate[];
  tables: Record<string, Row[]>;
  caveats: { caveat: string; text: string; sentence?: string }[];
}

export interface Saved {
  name: string;
  question: Fields & { analysis: string };
}

/** The fields of an analysis's question, in written order, and which must be given. */
export function fieldsOf(analysis: Analysis): { fields: [string, Schema][]; required: string[] } {
  const held = analysis.question.$ref?.split('/').pop() ?? '';
  const told = analysis.question.$defs?.[held] ?? { properties: {} };
  const fields = Object.entries(told.properties).filter(([name]) => name !== 'analysis');
  return { fields, required: (told.required ?? []).filter((name) => name !== 'analysis') };
}

export function useAnalyses() {
  return useQuery({ queryKey: ['analyses'], queryFn: ({ signal }) => call<Analysis[]>('GET', '/api/analyses', undefined, signal), staleTime: Infinity });
}

/** The answer to a question; asked when it is complete, and again when it changes. */
export function useAnswer(name: string, fields: Fields, ready: boolean) {
  return useQuery({
    queryKey: ['ask', name, fields], enabled: ready, staleTime: 60_000,
    queryFn: ({ signal }) => call<Answer>('POST', `/api/ask/${name}`, fields, signal),
  });
}

export function useSaved() {
  return useQuery({ queryKey: ['questions'], queryFn: ({ signal }) => call<Saved[]>('GET', '/api/questions', undefined, signal) });
}

export function useKeep() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, question }: Saved) => call<Saved>('PUT', `/api/questions/${encodeURIComponent(name)}`, question),
    onSuccess: () => client.invalidateQueries({ queryKey: ['questions'] }),
  });
}

export function useForget() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => call<Saved[]>('DELETE', `/api/questions/${encodeURIComponent(name)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['questions'] }),
  });
}

/** The address that shows a question, for others to open. */
export function addressOf(analysis: string, fields: Fields): string {
  const said = Object.keys(fields).length === 0 ? '' : `?q=${encodeURIComponent(JSON.stringify(fields))}`;
  return `/analyses/${analysis}${said}`;
}
