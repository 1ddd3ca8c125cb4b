import { Alert, Group, Paper, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { Asked } from '../../parts/Asked';
import { useReport, written } from './data';
import { type Plan } from './plan';
import { Scroll } from './Scroll';

type Row = Record<string, unknown>;
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const count = (value: unknown): string => number(value).toLocaleString();
const percent = (value: unknown): string => (typeof value === 'number' ? `${(value * 100).toLocaleString(undefined, { maximumFractionDigits: 1 })} %` : '–');
const words = (value: unknown): string => String(value ?? '').replaceAll('_', ' ');

/** How the journey went: who came, where they dropped off, what was held, what came of it. Measured by the warehouse. */
export function Report({ name, plan }: { name: string; plan: Plan }) {
  const { t } = useTranslation('journeys');
  const report = useReport(name, true);
  return (
    <Asked query={report} lines={8}>
      {(held) => {
        const steps = held.tables.steps ?? [];
        const most = Math.max(1, ...steps.map((row) => number(row.runs)));
        return (
          <Stack>
            <Text>{held.sentence}</Text>
            {held.caveats.map((one, index) => <Alert key={index} color="yellow" p="xs">{String(one.sentence ?? `${String(one.caveat ?? '').replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase())}. ${String(one.text ?? '')}`)}</Alert>)}
            <Stack gap="xs">
              <Title order={2}>{t('report.steps')}</Title>
              {steps.length === 0 && <Text size="sm" c="dimmed">{t('report.none')}</Text>}
              {steps.map((row) => (
                <Paper key={String(row.step)} withBorder p="xs">
                  <Group justify="space-between" wrap="nowrap" gap="xs">
                    <Text size="sm" fw={600} truncate>{plan.steps[written(plan.steps, String(row.step))]?.title || words(row.step)}</Text>
                    <Text size="sm" className="numbers">{t('report.runs', { runs: count(row.runs), ended: count(row.ended_here), rate: percent(row.drop_off) })}</Text>
                  </Group>
                  <Progress.Root size="md" mt={6} aria-hidden>
                    <Progress.Section value={((number(row.runs) - number(row.ended_here)) / most) * 100} color="sea" />
                    <Progress.Section value={(number(row.ended_here) / most) * 100} color="orange" />
                  </Progress.Root>
                </Paper>
              ))}
              {steps.length > 0 && <Text size="xs" c="dimmed">{t('report.legend')}</Text>}
            </Stack>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Rows title={t('report.exits')} rows={held.tables.exits ?? []} columns={[['reason', words], ['runs', count], ['ghosts', count]]} />
              <Rows title={t('report.goals')} rows={held.tables.goals ?? []} columns={[['goal', words], ['runs', count], ['rate', percent], ['ghost_rate', percent]]} />
              <Rows title={t('report.messages')} rows={held.tables.messages ?? []} columns={[['template', words], ['sent', count], ['delivered', count], ['clicked', count], ['click_rate', percent]]} />
              <Rows title={t('report.holds')} rows={held.tables.holds ?? []} columns={[['step', words], ['reason', words], ['messages', count]]} />
              <Rows title={t('report.refusals')} rows={held.tables.refusals ?? []} columns={[['reason', words], ['entries', count]]} />
            </SimpleGrid>
          </Stack>
        );
      }}
    </Asked>
  );
}

function Rows({ title, rows, columns }: { title: string; rows: Row[]; columns: [string, (value: unknown) => string][] }) {
  const { t } = useTranslation('journeys');
  return (
    <Paper withBorder p="sm">
      <Title order={3} mb="xs">{title}</Title>
      {rows.length === 0 ? <Text size="sm" c="dimmed">{t('report.none')}</Text> : (
        <Scroll label={title}>
          <Table verticalSpacing={4}>
            <Table.Thead><Table.Tr>{columns.map(([column], place) => <Table.Th key={column} ta={place === 0 ? 'left' : 'right'}>{t(`columns.${column}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>{rows.map((row, index) => <Table.Tr key={index}>{columns.map(([column, shown], place) => <Table.Td key={column} ta={place === 0 ? 'left' : 'right'} className="numbers">{shown(row[column])}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Paper>
  );
}
