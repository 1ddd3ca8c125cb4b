import { Alert, Badge, Button, Card, Group, List, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { IconAlertCircle, IconDownload } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { Chart } from '../../parts/Chart';
import type { Answer, Estimate, Row } from './data';
import { pictures } from './pictures';
import { bounds, cell, columnsOf, csv, interval, shown as told, title } from './values';

const CARDS_MAX = 8;
const ROWS_MAX = 50;

/** An answer: the sentence, figures with their intervals, pictures, what to beware of, and tables to take away. */
export function AnswerView({ analysis, answer }: { analysis: string; answer: Answer }) {
  const { t } = useTranslation('analyses');
  const shown = useMemo(() => pictures(analysis, answer), [analysis, answer]);
  const doubts = useMemo(() => grouped(answer.caveats), [answer]);
  return (
    <Stack gap="lg">
      <Text size="lg" fw={500} component="p" m={0}>{answer.sentence}</Text>
      {answer.estimates.length > 0 && (
        <SimpleGrid cols={{ base: 2, md: 4 }} spacing="sm">
          {answer.estimates.slice(0, CARDS_MAX).map((estimate) => <Figure key={estimate.name} estimate={estimate} />)}
        </SimpleGrid>
      )}
      {answer.caveats.length > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertCircle aria-hidden />} title={t('beware')}>
          <List size="sm" spacing={2}>{doubts.map(([caveat, texts]) => <List.Item key={caveat}>{t(`caveats.${caveat}`)} {texts.join(' ')}</List.Item>)}</List>
        </Alert>
      )}
      {shown.map((picture) => (
        <Card key={picture.label} withBorder>
          <Title order={2} size="h3" mb="xs">{t(`tables.${picture.label}`, { defaultValue: title(picture.label) })}</Title>
          <Chart label={t(`tables.${picture.label}`, { defaultValue: title(picture.label) })} option={picture.option} figures={picture.figures} {...(picture.height === undefined ? {} : { height: picture.height })} />
        </Card>
      ))}
      {Object.entries(answer.tables).filter(([, rows]) => rows.length > 0).map(([name, rows]) => <Rows key={name} analysis={analysis} name={name} rows={rows} />)}
    </Stack>
  );
}

/** Each doubt once, with all that it applies to. */
function grouped(caveats: Answer['caveats']): [string, string[]][] {
  const held = new Map<string, string[]>();
  for (const one of caveats) held.set(one.caveat, [...(held.get(one.caveat) ?? []), ...(one.text === '' ? [] : [one.text])]);
  return [...held];
}

function Figure({ estimate }: { estimate: Estimate }) {
  const { t } = useTranslation('analyses');
  const between = bounds(estimate);
  return (
    <Card withBorder padding="sm">
      <Text size="xs" c="dimmed" lineClamp={2}>{title(estimate.name)}</Text>
      <Text fz={22} fw={600} className="numbers">{told(estimate, estimate.value)}</Text>
      <Text size="xs" c="dimmed" className="numbers">{between === '' ? t('of', { count: estimate.n }) : t('between', { between, level: Math.round(estimate.level * 100), count: estimate.n })}</Text>
    </Card>
  );
}

function Rows({ analysis, name, rows }: { analysis: string; name: string; rows: Row[] }) {
  const { t } = useTranslation('analyses');
  const columns = columnsOf(rows);
  const called = t(`tables.${name}`, { defaultValue: title(name) });
  const save = () => {
    const address = URL.createObjectURL(new Blob([csv(rows)], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = `${analysis}-${name}.csv`;
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Group gap="xs"><Title order={2} size="h3">{called}</Title><Badge variant="light" color="gray">{t('rows', { count: rows.length })}</Badge></Group>
        <Button size="xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={save}>{t('csv')}</Button>
      </Group>
      <Table.ScrollContainer minWidth={0} maxHeight={480} type="native" tabIndex={0} role="group" aria-label={called}>
        <Table verticalSpacing={4} fz="sm" stickyHeader aria-label={called}>
          <Table.Thead><Table.Tr>{columns.map((column) => <Table.Th key={column} scope="col" ta={typeof rows[0]?.[column] === 'number' ? 'right' : undefined}>{title(column)}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>
            {rows.slice(0, ROWS_MAX).map((row, line) => (
              <Table.Tr key={line}>
                {columns.map((column) => <Cell key={column} row={row} column={column} />)}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {rows.length > ROWS_MAX && <Text size="xs" c="dimmed">{t('rest', { count: rows.length - ROWS_MAX })}</Text>}
    </Stack>
  );
}

function Cell({ row, column }: { row: Row; column: string }) {
  const value = row[column] ?? null;
  const between = interval(row, column);
  const numeric = typeof value === 'number';
  return (
    <Table.Td ta={numeric ? 'right' : undefined} className={numeric ? 'numbers' : undefined}>
      {cell(value, column)}
      {between !== null && value !== null && <Text span size="xs" c="dimmed"> ({cell(between[0], column)} – {cell(between[1], column)})</Text>}
    </Table.Td>
  );
}
