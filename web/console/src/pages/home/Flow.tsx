import { Group, SegmentedControl, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Chart } from '../../parts/Chart';
import { words } from '../../parts/words';
import type { Palette } from '../../theme';
import { Part } from './Home';
import type { Home } from './types';

interface Lifecycle { name: string; of: string; stages: { name: string; count: number }[] }

/** Who went from which stage to which. */
export function Flow({ home }: { home: Home }) {
  const { t } = useTranslation('home');
  const [days, setDays] = useState('week');
  const lifecycles = useQuery({ queryKey: ['/api/lifecycles'], queryFn: () => call<Lifecycle[]>('GET', '/api/lifecycles') });
  const moves = days === 'day' ? home.flow_day : home.flow_week;
  const names = [...new Set([...(lifecycles.data ?? []).map((one) => one.name), ...moves.map((one) => one.lifecycle)])];
  const [chosen, setChosen] = useState<string>();
  const name = chosen ?? names[0];
  const shown = useMemo(() => moves.filter((one) => one.lifecycle === name), [moves, name]);
  const order = useMemo(() => lifecycles.data?.find((one) => one.name === name)?.stages.map((one) => one.name) ?? [], [lifecycles.data, name]);
  const stage = (held: string | null, none: string) => (held === null ? none : words(held));
  const option = useMemo(() => (colours: Palette) => {
    const place = (held: string | null) => (held === null ? -1 : order.indexOf(held));
    const [before, after] = [[...new Set(shown.map((one) => one.before))], [...new Set(shown.map((one) => one.after))]].map((held) => held.sort((one, other) => place(one) - place(other)));
    const colour = (held: string | null) => (held === null ? colours.dimmed : colours.series[Math.max(place(held), 0) % colours.series.length]);
    return {
      tooltip: { trigger: 'item', confine: true },
      series: [{
        type: 'sankey', left: 4, right: 96, top: 8, bottom: 8, nodeGap: 10, nodeWidth: 10, draggable: false, layoutIterations: 0, nodeAlign: 'justify',
        label: { color: colours.text, fontSize: 12 }, lineStyle: { color: 'gradient', opacity: 0.35 },
        data: [
          ...(before ?? []).map((held) => ({ name: `> ${held}`, depth: 0, itemStyle: { color: colour(held) }, label: { formatter: stage(held, t('flow.came')) } })),
          ...(after ?? []).map((held) => ({ name: `< ${held}`, depth: 1, itemStyle: { color: colour(held) }, label: { formatter: stage(held, t('flow.left')) } })),
        ],
        links: shown.map((one) => ({ source: `> ${one.before}`, target: `< ${one.after}`, value: one.count })),
      }],
    };
  }, [shown, order, t]);
  return (
    <Part
      title={t('flow.title')} detail={t('flow.why')}
      more={<Group gap={4}>
        {names.length > 1 && <SegmentedControl size="xs" value={name} onChange={setChosen} data={names.map((one) => ({ value: one, label: words(one) }))} aria-label={t('flow.lifecycle')} />}
        <SegmentedControl size="xs" value={days} onChange={setDays} data={[{ value: 'day', label: t('movers.day') }, { value: 'week', label: t('movers.week') }]} aria-label={t('movers.days')} />
      </Group>}
    >
      {shown.length === 0 ? <Text size="sm" c="dimmed">{t('flow.none')}</Text> : (
        <Chart
          label={t('flow.title')} height={320} option={option}
          figures={{ columns: [t('flow.from'), t('flow.to'), t('flow.count')], rows: shown.map((one) => [stage(one.before, t('flow.came')), stage(one.after, t('flow.left')), one.count]) }}
        />
      )}
    </Part>
  );
}
