import type { Subject } from '../../parts/subject/types';

/** What the home page is told. */
export interface Home {
  as_of: number;
  people: number;
  accounts: number;
  flow_day: Move[];
  flow_week: Move[];
  health: { name: string; of: 'person' | 'account'; bands: Record<string, number>; unknown: number }[];
  movers: { score: string; of: 'person' | 'account'; days: number; known: number; down: Mover[]; up: Mover[] }[];
  tasks: { open: number; overdue: number; due: number; unassigned: number; items: Due[] };
  renewals: { known: boolean; classes: Record<string, { accounts: number; value: number }>; items: Renewal[]; at_risk: number };
  lift: { as_of: number | null; pending: boolean; items: Lift[]; missing: string | null };
  problems: Problems;
}

export interface Move { lifecycle: string; before: string | null; after: string | null; count: number }
export interface Because { measure: string; value: number; points: number }
export interface Mover extends Subject { value: number; before: number; change: number; velocity: string | null; worth: number | null; owner: string | null; because: Because[] }
export interface Renewal extends Subject { class: string; ends: number; value: number | null; change: number | null; worth: number | null; owner: string | null; because: Because[]; forecast: string | null }
export interface Due { id: string; kind: string; subject: Subject; reason: string; owner: string | null; opened: number; due: number | null; overdue: boolean }
export interface Lift { journey: string; metric: string; verdict: string; sentence: string; n: number; effect: number | null; low: number | null; high: number | null }
export interface Problems {
  messages: { status: string; channel: string | null; template: string | null; count: number; latest: string; reason: string | null }[];
  dead_letters: Record<string, number>;
  channels: { channel: string; state: string; reason: string }[];
  unresolved: number;
  paused: string[];
  service: string[];
}
