import { Box, Card, Group, Progress, Stack, Table, Text, Tooltip } from '@mantine/core';
import { IconArrowDownRight, IconArrowRight, IconArrowUpRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { levelColour } from '../../theme';
import { BandBadge } from '../Band';
import { Chart } from '../Chart';
import { count, day, percent, words } from '../words';
import { plural, type Profile, type Score } from './types';

const MILLI = 1_000;
const ARROWS = { up: IconArrowUpRight, down: IconArrowDownRight, flat: IconArrowRight };

/** A score with where it is going. */
export function ScoreLine({ name, score }: { name: string; score: Score }) {
  const { t } = useTranslation('subject');
  const Way = score.velocity === null ? undefined : ARROWS[score.velocity];
  return (
    <Group gap="xs" wrap="nowrap" justify="space-between">
      <Text size="sm">{words(name)}</Text>
      <Group gap={6} wrap="nowrap">
        {Way !== undefined && (
          <Tooltip label={t(`velocity.${score.velocity}`)}><Way size={16} role="img" aria-label={t(`velocity.${score.velocity}`)} /></Tooltip>
        )}
        <BandBadge of={name} band={score.band} value={score.value} />
      </Group>
    </Group>
  );
}

interface Day { time: number; value: number | null; band: string | null }

/** A score in full: what it is made of now, each part in points, and how it went. */
export function ScoreCard({ profile, name }: { profile: Profile; name: string }) {
  const { t } = useTranslation('subject');
  const score = profile.scores[name];
  const path = `/api/${plural(profile.of)}/${profile.id}/scores/${name}`;
  const days = useQuery({ queryKey: [path], queryFn: () => call<{ days: Day[] }>('GET', path) });
  const trend = useMemo(() => days.data?.days.filter((one) => one.value !== null) ?? [], [days.data]);
  const option = useMemo(() => (colours: { line: string; dimmed: string; series: string[] }) => ({
    grid: { left: 30, right: 8, top: 12, bottom: 22 },
    tooltip: { trigger: 'axis', confine: true },
    xAxis: { type: 'time', axisLabel: { color: colours.dimmed, hideOverlap: true }, splitLine: { show: false } },
    yAxis: { type: 'value', min: 0, max: 100, interval: 25, axisLabel: { color: colours.dimmed }, splitLine: { lineStyle: { color: colours.line } } },
    series: [{ type: 'line', step: 'end', showSymbol: false, data: trend.map((one) => [one.time, one.value]), lineStyle: { width: 2 } }],
  }), [trend]);
  if (score === undefined) return null;
  const present = Object.entries(score.contributions).filter(([, part]) => part.weight > 0)
    .sort(([, one], [, other]) => other.weight - one.weight);
  const all = present.reduce((sum, [, part]) => sum + part.weight, 0);
  return (
    <Card withBorder padding="md">
      <Stack gap="sm">
        <ScoreLine name={name} score={score} />
        <Text size="xs" c="dimmed">
          {t('score.coverage', { share: percent(score.coverage) })}{' '}
          {Object.keys(score.weights).length > 0 && t('score.weights', { which: Object.entries(score.weights).map(([kind, which]) => `${kind} ${words(which).toLowerCase()}`).join(', ') })}
        </Text>
        {trend.length > 1 && (
          <Chart
            label={t('score.trend', { name: words(name) })} height={150} option={option}
            figures={{ columns: [t('score.day'), words(name)], rows: trend.map((one) => [day(one.time), one.value === null ? null : Math.round(one.value)]) }}
          />
        )}
        <Table aria-label={t('score.parts', { name: words(name) })} verticalSpacing={4} fz="sm">
          <Table.Thead>
            <Table.Tr><Table.Th scope="col">{t('score.measure')}</Table.Th><Table.Th scope="col" ta="right">{t('score.value')}</Table.Th><Table.Th scope="col" ta="right">{t('score.points')}</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {present.map(([part, held]) => (
              <Table.Tr key={part}>
                <Table.Td>
                  {words(part)}
                  <Box mt={3}>
                    <Progress
                      size={4} value={held.value ?? 0} color={held.value === null ? 'gray' : levelColour(held.value, name)}
                      aria-label={t('score.weight', { name: words(part), share: percent(held.weight / all) })}
                    />
                  </Box>
                </Table.Td>
                <Table.Td ta="right" className="numbers">{held.value === null ? t('common:parts.unknown') : count(held.value, 0)}</Table.Td>
                <Table.Td ta="right" className="numbers">
                  {held.product === null || score.denominator === 0 ? '–' : t('score.of', { points: count(held.product / score.denominator / MILLI, 1), most: count((held.weight / score.denominator) * 100 * MILLI, 1) })}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </Card>
  );
}
