import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { call } from '../../api/client';

/** The names that a workspace holds, by what a field may name. */
export type Names = Record<string, string[]>;
interface Definition { name: string; version: string; workspace: Record<string, unknown> }

const mapping = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

export function useDefinition() {
  return useQuery({ queryKey: ['workspace'], queryFn: ({ signal }) => call<Definition>('GET', '/api/workspace', undefined, signal), staleTime: 60_000 });
}

/** Every name, from the workspace in force. */
export function useNames(): Names {
  const { data } = useDefinition();
  return useMemo(() => named(data?.workspace ?? {}), [data]);
}

/** The names in a workspace. Pure. */
export function named(workspace: Record<string, unknown>): Names {
  const keys = (section: string) => Object.keys(mapping(workspace[section]));
  const events = new Set<string>();
  for (const section of ['signals', 'journeys']) collect(workspace[section], events);
  const lifecycles = mapping(workspace.lifecycles);
  const stages = Object.entries(lifecycles).flatMap(([lifecycle, held]) =>
    Object.keys(mapping(mapping(held).stages)).map((stage) => [lifecycle, stage] as const));
  const traits = keys('traits');
  const of = (section: string, kind: string) => Object.entries(mapping(workspace[section])).filter(([, one]) => (mapping(one).of ?? 'person') === kind).map(([name]) => name);
  const conditions = [
    ...keys('signals'), ...keys('segments').map((name) => `segment.${name}`), ...traits.map((name) => `trait.${name}`),
    ...keys('scores').map((name) => `score.${name}`), ...stages.map(([lifecycle, stage]) => `stage.${lifecycle} == "${stage}"`),
  ];
  const messaging = mapping(workspace.messaging);
  return {
    event: [...events].filter((name) => !name.startsWith('$')).sort(), segment: keys('segments'), template: keys('templates'), channel: keys('channels'), task: keys('tasks'),
    journey: keys('journeys'), playbook: keys('playbooks'), offer: keys('offers'), trait: traits, score: keys('scores'),
    lifecycle: Object.keys(lifecycles), stage: [...new Set(stages.map(([, stage]) => stage))], from: [...new Set(stages.map(([, stage]) => stage))],
    category: Object.keys(mapping(mapping(workspace.consent).categories)), topic: Object.keys(mapping(messaging.topics)),
    intent: Object.keys(mapping(messaging.intents)), programme: Object.keys(mapping(messaging.programmes)), signal: keys('signals'),
    of: ['person', 'account', ...keys('entities')], condition: conditions, list: keys('lists'), person_segment: of('segments', 'person'),
    evidence: [...keys('signals'), ...traits.map((name) => `trait.${name}`)], date: traits.map((name) => `trait.${name}`),
  };
}

function collect(value: unknown, events: Set<string>): void {
  if (Array.isArray(value)) value.forEach((one) => collect(one, events));
  else if (value !== null && typeof value === 'object') {
    for (const [key, held] of Object.entries(value)) {
      if (key === 'event' && typeof held === 'string') events.add(held);
      else if (key === 'event' && Array.isArray(held)) held.forEach((one) => typeof one === 'string' && events.add(one));
      else collect(held, events);
    }
  }
}
