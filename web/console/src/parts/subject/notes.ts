import { useQuery, useQueryClient } from '@tanstack/react-query';

import { call } from '../../api/client';
import type { Profile } from './types';

/** What somebody who knows the account thinks, beside what is computed. */
export interface Judgement {
  id: number;
  kind: 'pulse' | 'forecast';
  value: string | null;
  reason: string;
  at: number;
  author: string | null;
}

export interface Judgements {
  pulse: Judgement | null;
  forecast: Judgement | null;
  history: Judgement[];
}

export function useJudgements(profile: Profile) {
  const client = useQueryClient();
  const path = `/api/accounts/${profile.id}/judgements`;
  const query = useQuery({ queryKey: [path], queryFn: () => call<Judgements>('GET', path) });
  const say = async (kind: 'pulse' | 'forecast', value: string | null, reason: string) => {
    client.setQueryData([path], await call<Judgements>('PUT', `/api/accounts/${profile.id}/${kind}`, { value, reason }));
    await client.invalidateQueries({ queryKey: ['/api/home'] });
  };
  return { query, say };
}
