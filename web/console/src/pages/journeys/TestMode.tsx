import type { Plan } from './plan';
import type { Kinds, Marks } from './Canvas';
export function TestMode(_: { name: string; plan: Plan; drafted: boolean; kinds: Kinds[]; marks: Marks; walked: Set<string>; onWalked: (steps: Set<string>) => void }) { return null; }
