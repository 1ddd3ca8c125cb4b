import { Graph, layout } from '@dagrejs/dagre';

import { EXIT, type Label, type Plan, type Way, ways } from './plan';

/** The picture of a plan: boxes in their places and lines between them. Pure. */
export interface Box { id: string; kind: 'trigger' | 'step' | 'end' | 'rules'; step?: string; x: number; y: number; width: number; height: number }
export interface Line { id: string; from: string; to: string; fields: string[]; labels: Label[]; loops: boolean; points: Point[]; at: Point }
export interface Point { x: number; y: number }
export interface Picture { boxes: Box[]; lines: Line[] }

export const TRIGGER = '(trigger)';
export const RULES = '(rules)';
export const endOf = (step: string): string => `(end) ${step}`;

const WIDTH = 248;
const HEIGHT = 64;
const END = { width: 60, height: 26 };
const GAP = { between: 36, below: 34 };
const LABEL = { width: 120, height: 20 };

/** Boxes and lines of a plan, laid out from top to bottom. */
export function picture(plan: Plan): Picture {
  const ids = Object.keys(plan.steps);
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: 'TB', nodesep: GAP.between, ranksep: GAP.below, ranker: 'tight-tree' });
  graph.setDefaultEdgeLabel(() => ({}));
  const lines: Line[] = [];
  const add = (id: string, width: number, height: number) => graph.setNode(id, { width, height });
  const triggers = HEIGHT + Math.max(0, Math.min(plan.triggers.length, 4) - 1) * 20;
  add(TRIGGER, WIDTH, triggers);
  for (const id of ids) add(id, WIDTH, HEIGHT);
  const order = new Map(ids.map((id, place) => [id, place]));
  const draw = (from: string, to: string, leading: Way[]) => {
    const target = to === EXIT || !(to in plan.steps) ? endOf(from) : to;
    if (target !== to) add(target, END.width, END.height);
    const loops = target === from || (order.get(target) ?? Infinity) < (order.get(from) ?? -1);
    lines.push({ id: `${from}→${to}`, from, to: target, fields: leading.map((way) => way.field), labels: leading.map((way) => way.label), loops, points: [], at: { x: 0, y: 0 } });
    const plain = leading.every((way) => way.label.word === 'next');
    if (target !== from) graph.setEdge(from, target, { weight: loops ? 0 : 2, width: plain ? 24 : LABEL.width, height: LABEL.height, labelpos: 'c' });
  };
  draw(TRIGGER, ids[0] ?? EXIT, []);
  for (const id of ids) {
    const grouped = new Map<string, Way[]>();
    for (const way of ways(plan, id)) grouped.set(way.to, [...(grouped.get(way.to) ?? []), way]);
    for (const [to, leading] of grouped) draw(id, to, leading);
  }
  layout(graph);
  const boxes: Box[] = graph.nodes().map((id) => {
    const held = graph.node(id) as { x: number; y: number; width: number; height: number };
    const kind = id === TRIGGER ? 'trigger' : id.startsWith('(end) ') ? 'end' : 'step';
    const box: Box = { id, kind, x: held.x - held.width / 2, y: held.y - held.height / 2, width: held.width, height: held.height };
    if (kind === 'step') box.step = id;
    return box;
  });
  for (const line of lines) {
    const held = line.from === line.to ? undefined : (graph.edge(line.from, line.to) as { points: Point[]; x: number; y: number } | undefined);
    if (held === undefined) continue;
    line.points = held.points.map(({ x, y }) => ({ x, y }));
    line.at = { x: held.x, y: held.y };
  }
  const trigger = boxes.find((box) => box.id === TRIGGER);
  if (trigger !== undefined) boxes.push({ id: RULES, kind: 'rules', x: trigger.x + WIDTH + GAP.between * 2, y: trigger.y, width: 200, height: HEIGHT });
  return { boxes, lines };
}

/** Where the arrow keys lead from a box: down and up along the lines, left and right among its neighbours. */
export function neighbour(held: Picture, from: string, key: string): string | null {
  const here = held.boxes.find((box) => box.id === from);
  if (here === undefined) return held.boxes[0]?.id ?? null;
  const at = new Map(held.boxes.map((box) => [box.id, box]));
  const reachable = (id: string) => at.get(id)?.kind !== 'end';
  if (key === 'ArrowDown' || key === 'ArrowUp') {
    const down = key === 'ArrowDown';
    const found = held.lines.filter((line) => (down ? line.from : line.to) === from && line.from !== line.to).map((line) => (down ? line.to : line.from)).filter(reachable);
    const middle = (id: string) => Math.abs((at.get(id)?.x ?? 0) - here.x);
    return found.sort((a, b) => middle(a) - middle(b))[0] ?? null;
  }
  const right = key === 'ArrowRight';
  const beside = held.boxes.filter((box) => box.kind !== 'end' && Math.abs(box.y - here.y) < HEIGHT && (right ? box.x > here.x : box.x < here.x));
  return beside.sort((a, b) => Math.abs(a.x - here.x) - Math.abs(b.x - here.x))[0]?.id ?? null;
}

/** A soft line through points: straight down from the first, into the last from above. */
export function drawnPath(points: Point[], from: Point, to: Point): string {
  const inner = points.slice(1, -1);
  const all = [from, ...inner, to];
  let path = `M ${from.x} ${from.y}`;
  for (let place = 1; place < all.length; place += 1) {
    const a = all[place - 1] as Point;
    const b = all[place] as Point;
    const middle = (a.y + b.y) / 2;
    path += Math.abs(a.x - b.x) < 0.5 ? ` L ${b.x} ${b.y}` : ` C ${a.x} ${middle}, ${b.x} ${middle}, ${b.x} ${b.y}`;
  }
  return path;
}
