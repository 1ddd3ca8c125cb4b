import { useCallback, useEffect, useRef, useState } from 'react';

import { call } from '../../api/client';
import type { DraftKept, Problem } from './data';
import { type Plan, tidy } from './plan';

const STEPS_KEPT = 200;
const PAUSE_MS = 700;
/** Changes of the same field within this time are one step of undo. */
const SAME_MS = 1_500;

export type Saving = 'saved' | 'saving' | 'changed' | 'failed';

export interface Editing {
  plan: Plan;
  problems: Problem[];
  saving: Saving;
  failure: unknown;
  /** Whether there is a draft, that is, something not in force. */
  drafted: boolean;
  change: (plan: Plan, what?: string) => void;
  undo: () => void;
  redo: () => void;
  canUndo: boolean;
  canRedo: boolean;
  /** Writes what was not written yet. */
  flush: () => Promise<void>;
  /** The draft is no more: it was published or given up. */
  forget: (plan: Plan) => void;
}

/** The plan somebody is changing: its past and future, kept as a draft at the server as they go. */
export function useEditing(name: string, begin: Plan, draft: DraftKept | null): Editing {
  const [past, setPast] = useState<Plan[]>([]);
  const [future, setFuture] = useState<Plan[]>([]);
  const [plan, setPlan] = useState(draft?.draft.plan ?? begin);
  const [problems, setProblems] = useState<Problem[]>(draft?.problems ?? []);
  const [saving, setSaving] = useState<Saving>('saved');
  const [failure, setFailure] = useState<unknown>();
  const [drafted, setDrafted] = useState(draft !== null);
  const revision = useRef<number | null>(draft?.draft.revision ?? null);
  const waiting = useRef<Plan | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const running = useRef<Promise<void>>(Promise.resolve());
  const last = useRef<{ what: string; at: number }>({ what: '', at: 0 });

  const write = useCallback((): Promise<void> => {
    running.current = running.current.then(async () => {
      const held = waiting.current;
      if (held === null) return;
      waiting.current = null;
      setSaving('saving');
      try {
        const kept = await call<DraftKept>('PUT', `/api/drafts/${encodeURIComponent(name)}`, { plan: tidy(held), revision: revision.current });
        revision.current = kept.draft.revision;
        setFailure(undefined);
        setDrafted(true);
        if (waiting.current === null) {
          setProblems(kept.problems);
          setSaving('saved');
        }
      } catch (error) {
        waiting.current ??= held;
        setFailure(error);
        setSaving('failed');
      }
    });
    return running.current;
  }, [name]);

  const keep = useCallback((made: Plan) => {
    setPlan(made);
    waiting.current = made;
    setSaving('changed');
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void write(), PAUSE_MS);
  }, [write]);
  useEffect(() => () => {
    clearTimeout(timer.current);
    void write();
  }, [write]);

  const current = useRef(plan);
  current.current = plan;
  const change = useCallback((made: Plan, what = '') => {
    const now = Date.now();
    const same = what !== '' && last.current.what === what && now - last.current.at < SAME_MS;
    last.current = { what, at: now };
    const before = current.current;
    if (!same) setPast((held) => [...held.slice(-STEPS_KEPT), before]);
    setFuture([]);
    keep(made);
  }, [keep]);
  const undo = useCallback(() => {
    const before = past.at(-1);
    if (before === undefined) return;
    last.current = { what: '', at: 0 };
    setPast(past.slice(0, -1));
    setFuture([current.current, ...future]);
    keep(before);
  }, [past, future, keep]);
  const redo = useCallback(() => {
    const [after, ...rest] = future;
    if (after === undefined) return;
    last.current = { what: '', at: 0 };
    setFuture(rest);
    setPast([...past, current.current]);
    keep(after);
  }, [past, future, keep]);
  const flush = useCallback(async () => {
    clearTimeout(timer.current);
    await write();
  }, [write]);
  const forget = useCallback((made: Plan) => {
    clearTimeout(timer.current);
    waiting.current = null;
    revision.current = null;
    setPlan(made);
    setPast([]);
    setFuture([]);
    setProblems([]);
    setDrafted(false);
    setSaving('saved');
  }, []);
  return { plan, problems, saving, failure, drafted, change, undo, redo, canUndo: past.length > 0, canRedo: future.length > 0, flush, forget };
}
