import { Box, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useState } from 'react';

/** So many went from one place to another. */
export interface Link { from: string; to: string; count: number }

const [WIDTH, BAR, GAP, LABEL, LEAST, LINE] = [640, 10, 6, 110, 2, 16];

/** Two columns of places and bands between them as wide as many went. Small enough for the first page; other pictures are drawn by a library. */
export function Sankey({ links, order, colour, label, height = 300 }: { links: Link[]; order: string[]; colour: (place: string) => string; label: string; height?: number }) {
  const { ref, width: held } = useElementSize();
  const [shown, setShown] = useState<Link>();
  const width = held || WIDTH;
  const lefts = column(links, order, height, (one) => one.from);
  const rights = column(links, order, height, (one) => one.to);
  const taken = { left: new Map<string, number>(), right: new Map<string, number>() };
  const inner = width - LABEL;
  const place = (name: string) => order.indexOf(name);
  const drawn = [...links].sort((one, other) => place(one.from) - place(other.from) || place(one.to) - place(other.to)).map((link) => {
    const [a, b] = [lefts.at.get(link.from), rights.at.get(link.to)];
    const [from, to] = [(a?.top ?? 0) + (taken.left.get(link.from) ?? 0), (b?.top ?? 0) + (taken.right.get(link.to) ?? 0)];
    const [wide, narrow] = [link.count * lefts.scale, link.count * rights.scale];
    taken.left.set(link.from, (taken.left.get(link.from) ?? 0) + wide);
    taken.right.set(link.to, (taken.right.get(link.to) ?? 0) + narrow);
    const middle = (inner + BAR) / 2;
    const path = `M${BAR},${from} C${middle},${from} ${middle},${to} ${inner - BAR},${to} v${narrow} C${middle},${to + narrow} ${middle},${from + wide} ${BAR},${from + wide} Z`;
    return <path key={`${link.from} ${link.to}`} d={path} fill={colour(link.from)} opacity={shown === link ? 0.6 : 0.28} onMouseEnter={() => setShown(link)} onMouseLeave={() => setShown(undefined)} />;
  });
  const bars = (held: typeof lefts, x: number, text: number) => [...held.at].map(([name, one]) => (
    <g key={name}>
      <rect x={x} y={one.top} width={BAR} height={Math.max(one.height, LEAST)} fill={colour(name)} rx={2} />
      <text x={text} y={one.top + one.height / 2} dy="0.35em" fontSize={12} fill="var(--mantine-color-text)">{name} <tspan fill="var(--mantine-color-dimmed)">{one.count}</tspan></text>
    </g>
  ));
  return (
    <Box ref={ref}>
      <svg width={width} height={height} role="img" aria-label={label} style={{ display: 'block', maxWidth: '100%' }}>
        {drawn}{bars(lefts, 0, BAR + 6)}{bars(rights, inner - BAR, inner + 6)}
      </svg>
      <Text size="xs" c="dimmed" h={18}>{shown !== undefined && `${shown.from} → ${shown.to}: ${shown.count}`}</Text>
    </Box>
  );
}

/** Where each place of a column stands, from top to bottom in the order given. */
function column(links: Link[], order: string[], height: number, of: (link: Link) => string) {
  const counts = new Map<string, number>();
  for (const link of links) counts.set(of(link), (counts.get(of(link)) ?? 0) + link.count);
  const names = [...counts.keys()].sort((one, other) => order.indexOf(one) - order.indexOf(other));
  const all = [...counts.values()].reduce((sum, one) => sum + one, 0);
  // Every place has room for its name, however few went there.
  const scale = Math.max(height - GAP * (names.length - 1) - LINE * names.length, 0) / Math.max(all, 1);
  const at = new Map<string, { top: number; height: number; count: number }>();
  let top = 0;
  for (const name of names) {
    const count = counts.get(name) ?? 0;
    at.set(name, { top: top + LINE / 2, height: count * scale, count });
    top += LINE + count * scale + GAP;
  }
  return { at, scale };
}
