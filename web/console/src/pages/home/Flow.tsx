import { ActionIcon, Group, SegmentedControl, Table, Text, Tooltip } from '@mantine/core';
import { IconChartBar, IconTable } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { words } from '../../parts/words';
import { STEPS } from '../../theme';
import { Part } from './Part';
import { Sankey } from './Sankey';
import type { Home } from './types';

interface Lifecycle { name: string; of: string; stages: { name: string; count: number }[] }

/** Who went from which stage to which. */
export function Flow({ home }: { home: Home }) {
  const { t } = useTranslation('home');
  const [days, setDays] = useState('week');
  const [asTable, setAsTable] = useState(false);
  const lifecycles = useQuery({ queryKey: ['/api/lifecycles'], queryFn: () => call<Lifecycle[]>('GET', '/api/lifecycles') });
  const moves = days === 'day' ? home.flow_day : home.flow_week;
  const names = [...new Set([...(lifecycles.data ?? []).map((one) => one.name), ...moves.map((one) => one.lifecycle)])];
  const [chosen, setChosen] = useState<string>();
  const name = chosen ?? names[0];
  const stages = lifecycles.data?.find((one) => one.name === name)?.stages.map((one) => words(one.name)) ?? [];
  const order = [t('flow.came'), ...stages, t('flow.left')];
  const links = moves.filter((one) => one.lifecycle === name).map((one) => ({
    from: one.before === null ? t('flow.came') : words(one.before), to: one.after === null ? t('flow.left') : words(one.after), count: one.count,
  }));
  const colour = (place: string) => {
    const at = stages.indexOf(place);
    return at < 0 ? 'var(--mantine-color-gray-5)' : `var(--mantine-color-${STEPS[at % STEPS.length]}-6)`;
  };
  return (
    <Part
      title={t('flow.title')} detail={t('flow.why')}
      more={<Group gap={4}>
        {names.length > 1 && <SegmentedControl size="xs" value={name} onChange={setChosen} data={names.map((one) => ({ value: one, label: words(one) }))} aria-label={t('flow.lifecycle')} />}
        <SegmentedControl size="xs" value={days} onChange={setDays} data={[{ value: 'day', label: t('movers.day') }, { value: 'week', label: t('movers.week') }]} aria-label={t('movers.days')} />
        <Tooltip label={t(asTable ? 'common:parts.as_chart' : 'common:parts.as_table')}>
          <ActionIcon variant="subtle" color="gray" aria-label={t(asTable ? 'common:parts.as_chart' : 'common:parts.as_table')} onClick={() => setAsTable(!asTable)}>{asTable ? <IconChartBar size={16} /> : <IconTable size={16} />}</ActionIcon>
        </Tooltip>
      </Group>}
    >
      {links.length === 0 ? <Text size="sm" c="dimmed">{t('flow.none')}</Text> : asTable ? (
        <Table aria-label={t('flow.title')} fz="sm" verticalSpacing={4}>
          <Table.Thead><Table.Tr><Table.Th scope="col">{t('flow.from')}</Table.Th><Table.Th scope="col">{t('flow.to')}</Table.Th><Table.Th scope="col" ta="right">{t('flow.count')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{links.map((one) => <Table.Tr key={`${one.from} ${one.to}`}><Table.Td>{one.from}</Table.Td><Table.Td>{one.to}</Table.Td><Table.Td ta="right" className="numbers">{one.count}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      ) : <Sankey links={links} order={order} colour={colour} label={`${t('flow.title')}: ${links.map((one) => `${one.from} → ${one.to} ${one.count}`).join(', ')}`} height={340} />}
    </Part>
  );
}
