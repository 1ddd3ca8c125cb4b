import type { JourneyFull } from './data';
import type { Plan } from './plan';
export function Backtest(_: { name: string; plan: Plan; live: JourneyFull | null }) { return null; }
