import type { ReactNode } from 'react';

/** Something wide that is moved sideways, by keyboard too. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  return <div role="region" aria-label={label} tabIndex={0} style={{ overflowX: 'auto' }}>{children}</div>;
}
