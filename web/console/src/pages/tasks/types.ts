import type { Moment, Subject } from '../../parts/subject/types';

export interface OpenTask {
  id: string; number: number; kind: string; subject: Subject; reason: string; owner: string | null; opened: number; due: number | null;
  overdue: boolean; level: number; snoozes: number; outcomes: string[];
}

export interface Past {
  id: string; number: number; of: 'person' | 'account'; subject: string; kind: string; reason: string | null; title: string | null; owner: string | null; due: number | null;
  opened: number; level: number; snoozed: number | null; overdue: boolean; closed: number | null; outcome: string | null;
}

export interface TaskFull { task: Past; moments: Moment[]; open?: OpenTask | null }
