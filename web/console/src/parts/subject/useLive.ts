import { useEffect, useRef } from 'react';

const GATHER_MS = 800;

/** Calls `heard` some moments after anything was decided about somebody. */
export function useLive(subject: string, heard: () => void): void {
  const latest = useRef(heard);
  latest.current = heard;
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    const stream = new EventSource(`/api/stream?subject=${encodeURIComponent(subject)}`);
    const told = () => {
      due ??= setTimeout(() => {
        due = undefined;
        latest.current();
      }, GATHER_MS);
    };
    for (const kind of ['stage', 'band', 'entered', 'left', 'message', 'held', 'run', 'ended', 'task', 'task_closed', 'velocity', 'goal']) stream.addEventListener(kind, told);
    return () => {
      clearTimeout(due);
      stream.close();
    };
  }, [subject]);
}
