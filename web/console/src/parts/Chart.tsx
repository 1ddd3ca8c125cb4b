import { ActionIcon, Box, Group, Skeleton, Table, Tooltip, useComputedColorScheme, useMantineTheme } from '@mantine/core';
import { IconChartBar, IconTable } from '@tabler/icons-react';
import type { EChartsCoreOption } from 'echarts/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Palette, palette } from '../theme';

/** A picture's figures, for whoever cannot see it or wants them exactly. */
export interface Figures {
  columns: string[];
  rows: (string | number | null)[][];
}

/** A picture: `option` is made of the theme's colours, `figures` are the same as a table. `onPick` hears clicks. */
export function Chart(
  { label, option, figures, height = 260, onPick }: {
    label: string; option: (colours: Palette) => EChartsCoreOption; figures: Figures; height?: number; onPick?: (event: unknown) => void;
  },
) {
  const { t } = useTranslation();
  const theme = useMantineTheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const place = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState(false);
  const [asTable, setAsTable] = useState(false);
  useEffect(() => {
    if (asTable) return undefined;
    let stop: (() => void) | undefined;
    let gone = false;
    void import('./chart-engine').then(({ echarts }) => {
      if (gone || place.current === null) return;
      const chart = echarts.init(place.current, null, { renderer: 'svg', height });
      const colours = palette(theme, dark);
      chart.setOption({
        animation: false, color: colours.series, textStyle: { fontFamily: theme.fontFamily, color: colours.text },
        backgroundColor: 'transparent', tooltip: { confine: true }, ...option(colours),
      });
      if (onPick !== undefined) chart.on('click', onPick);
      const watch = new ResizeObserver(() => chart.resize());
      watch.observe(place.current);
      setDrawn(true);
      stop = () => { watch.disconnect(); chart.dispose(); };
    });
    return () => { gone = true; stop?.(); };
  }, [option, dark, height, asTable, theme]);
  return (
    <Box pos="relative">
      <Group justify="flex-end" pos="absolute" top={-4} right={0} style={{ zIndex: 2 }}>
        <Tooltip label={t(asTable ? 'parts.as_chart' : 'parts.as_table')}>
          <ActionIcon size="sm" variant="subtle" color="gray" aria-label={`${label}: ${t(asTable ? 'parts.as_chart' : 'parts.as_table')}`} onClick={() => { setDrawn(false); setAsTable(!asTable); }}>
            {asTable ? <IconChartBar size={16} /> : <IconTable size={16} />}
          </ActionIcon>
        </Tooltip>
      </Group>
      {asTable ? <Box mah={height + 60} pt="lg" style={{ overflow: 'auto' }} tabIndex={0} role="group" aria-label={label}><FigureTable label={label} figures={figures} /></Box> : (
        <>
          {!drawn && <Skeleton height={height} pos="absolute" />}
          <div ref={place} role="img" aria-label={label} style={{ height }} />
        </>
      )}
    </Box>
  );
}

function FigureTable({ label, figures }: { label: string; figures: Figures }) {
  return (
    <Table aria-label={label} verticalSpacing={4} fz="sm">
      <Table.Thead><Table.Tr>{figures.columns.map((column) => <Table.Th key={column} scope="col">{column}</Table.Th>)}</Table.Tr></Table.Thead>
      <Table.Tbody>
        {figures.rows.map((row, line) => (
          <Table.Tr key={line}>{row.map((cell, at) => <Table.Td key={at} className={typeof cell === 'number' ? 'numbers' : undefined}>{cell ?? '–'}</Table.Td>)}</Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
