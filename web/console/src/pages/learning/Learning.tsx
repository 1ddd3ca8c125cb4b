import { Alert, Anchor, Badge, Button, Card, Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Timeline, Title } from '@mantine/core';
import { IconBulb, IconSparkles } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { Chart } from '../../parts/Chart';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import type { Moment } from '../../parts/subject/types';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';

interface Prediction {
  name: string; of: string; kind: 'probability' | 'amount' | 'time_to'; description: string; horizon: string; fallback: Record<string, unknown> | null;
  model: { version: string; trained_at: number; as_of: number; features: string[]; quality: Record<string, unknown> } | null;
  versions: number; population: number | null; known: number; histogram: number[] | null; scored_at: number | null;
}
interface Option { name: string; share: number | null; tried: number; rewarded: number; halted: number | null }
interface Choice {
  step: string; kind: 'split' | 'choose'; options: Option[]; held_out: { tried: number; rewarded: number };
  suggestion: { id: string; at: number; because: string; to: Record<string, number>; policy: string | null } | null;
}
interface Autonomy { journey: string; level: 'off' | 'suggest' | 'act'; written: string; moved_per_day: number; choices: Choice[] }

/** What is predicted, what is chosen, what changed by itself and why. */
export function Learning() {
  const { t } = useTranslation('learning');
  return (
    <Page name="learning" detail={t('detail')} actions={<Button component={Link} to="/analyses/what-saves" variant="default" size="xs">{t('what_saves')}</Button>}>
      <Predictions />
      <Choices />
      <Changes />
    </Page>
  );
}

function Predictions() {
  const { t } = useTranslation('learning');
  const query = useQuery({ queryKey: ['predictions'], queryFn: ({ signal }) => call<Prediction[]>('GET', '/api/predictions', undefined, signal) });
  return (
    <section aria-labelledby="predictions">
      <Title order={2} id="predictions" mb="xs">{t('predictions')}</Title>
      <Asked query={query} lines={5}>
        {(all) => all.length === 0 ? <Empty icon={IconSparkles} title={t('no_predictions')}>{t('no_predictions_why')}</Empty> : (
          <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>{all.map((one) => <Model key={one.name} one={one} />)}</SimpleGrid>
        )}
      </Asked>
    </section>
  );
}

const number = (quality: Record<string, unknown>, name: string) => (typeof quality[name] === 'number' ? (quality[name] as number) : null);

function Model({ one }: { one: Prediction }) {
  const { t } = useTranslation('learning');
  const quality = one.model?.quality ?? {};
  const told = ['auc', 'brier', 'calibration_error', 'outcomes', 'rows'].flatMap((name) => { const value = number(quality, name); return value === null ? [] : [[name, value] as const]; });
  const basis = typeof quality.basis === 'string' ? quality.basis : null;
  return (
    <Card withBorder>
      <Stack gap={6}>
        <Group justify="space-between" wrap="nowrap"><Title order={3}>{words(one.name)}</Title><Badge variant="light" color="gray">{words(one.of)}</Badge></Group>
        {one.description !== '' && <Text size="sm" c="dimmed">{one.description}</Text>}
        <Text size="sm">{t('within', { horizon: one.horizon })} · {t('known', { count: one.known, of: one.population ?? one.known })}</Text>
        {one.model === null ? (
          <Text size="sm" c="dimmed">{t(one.fallback === null ? 'untrained' : 'fallback', { score: words(String(one.fallback?.score ?? '')) })}</Text>
        ) : (
          <>
            <Group gap="md">{told.map(([name, value]) => <div key={name}><Text size="xs" c="dimmed">{t(`quality.${name}`)}</Text><Text fw={600} className="numbers">{Number.isInteger(value) ? value.toLocaleString() : value.toFixed(3)}</Text></div>)}</Group>
            {basis !== null && <Text size="xs" c="dimmed">{t(`basis.${basis}`, { defaultValue: words(basis) })}</Text>}
            <Text size="xs" c="dimmed">{t('trained')} <Ago time={one.model.trained_at} /> · {t('features', { count: one.model.features.length })}</Text>
          </>
        )}
        {one.histogram !== null && one.known > 0 && <Spread one={one} />}
      </Stack>
    </Card>
  );
}

function Spread({ one }: { one: Prediction }) {
  const { t } = useTranslation('learning');
  const held = one.histogram ?? [];
  const name = (place: number) => (one.kind === 'probability' ? `${Math.round((place / held.length) * 100)}–${Math.round(((place + 1) / held.length) * 100)} %` : String(place + 1));
  return (
    <Chart
      label={t('spread', { prediction: words(one.name) })} height={110} figures={{ columns: [t('value'), t('people')], rows: held.map((count, place) => [name(place), count]) }}
      option={(colours) => ({
        grid: { left: 4, right: 4, top: 8, bottom: 4, outerBoundsMode: 'same' }, tooltip: { trigger: 'axis', confine: true },
        xAxis: { type: 'category', data: held.map((_, place) => name(place)), axisLabel: { color: colours.dimmed, fontSize: 10 }, axisTick: { show: false } },
        yAxis: { type: 'value', show: false }, series: [{ type: 'bar', data: held, barCategoryGap: '8%' }],
      })}
    />
  );
}

function Choices() {
  const { t } = useTranslation('learning');
  const query = useQuery({ queryKey: ['autonomy'], queryFn: ({ signal }) => call<Autonomy[]>('GET', '/api/autonomy', undefined, signal) });
  return (
    <section aria-labelledby="choices">
      <Title order={2} id="choices" mb="xs">{t('choices')}</Title>
      <Asked query={query} lines={4}>
        {(all) => all.length === 0 ? <Empty icon={IconBulb} title={t('no_choices')}>{t('no_choices_why')}</Empty> : <Stack>{all.map((one) => <Journey key={one.journey} one={one} />)}</Stack>}
      </Asked>
    </section>
  );
}

function Journey({ one }: { one: Autonomy }) {
  const { t } = useTranslation('learning');
  const client = useQueryClient();
  const may = useMay('publisher');
  const again = () => client.invalidateQueries({ queryKey: ['autonomy'] });
  const set = useMutation({ mutationFn: (level: string) => call('POST', `/api/autonomy/${encodeURIComponent(one.journey)}`, { level }), onSuccess: again });
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <Anchor component={Link} to={`/journeys/${one.journey}`} fw={600} c="var(--mantine-color-text)">{words(one.journey)}</Anchor>
          <SegmentedControl size="xs" value={one.level} disabled={!may || set.isPending} onChange={(level) => set.mutate(level)} aria-label={t('autonomy')} data={(['off', 'suggest', 'act'] as const).map((level) => ({ value: level, label: t(`levels.${level}`) }))} />
        </Group>
        {set.isError && <Problem error={set.error} />}
        <Text size="xs" c="dimmed">{t(`levels_why.${one.level}`, { share: one.moved_per_day })}</Text>
        {one.choices.map((choice) => <Ways key={choice.step} choice={choice} onAnswer={again} />)}
      </Stack>
    </Card>
  );
}

function Ways({ choice, onAnswer }: { choice: Choice; onAnswer: () => void }) {
  const { t } = useTranslation('learning');
  const may = useMay('publisher');
  const answer = useMutation({ mutationFn: (said: 'accept' | 'refuse') => call('POST', `/api/autonomy/suggestions/${choice.suggestion?.id ?? ''}`, { answer: said }), onSuccess: onAnswer });
  const rate = (tried: number, rewarded: number) => (tried === 0 ? '–' : `${((rewarded / tried) * 100).toFixed(1)} %`);
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>{words(choice.step)} <Badge size="xs" variant="light" color="gray">{t(`kinds.${choice.kind}`)}</Badge></Text>
      <Table fz="sm" verticalSpacing={3} aria-label={words(choice.step)}>
        <Table.Thead><Table.Tr><Table.Th scope="col">{t('way')}</Table.Th><Table.Th scope="col" ta="right">{t('share')}</Table.Th><Table.Th scope="col" ta="right">{t('tried')}</Table.Th><Table.Th scope="col" ta="right">{t('rewarded')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {choice.options.map((option) => (
            <Table.Tr key={option.name}>
              <Table.Td>{words(option.name)} {option.halted !== null && <Badge size="xs" color="red" variant="light">{t('halted')}</Badge>}</Table.Td>
              <Table.Td ta="right" className="numbers">{option.share === null ? '–' : `${Math.round(option.share * 1000) / 10} %`}</Table.Td>
              <Table.Td ta="right" className="numbers">{option.tried.toLocaleString()}</Table.Td>
              <Table.Td ta="right" className="numbers">{rate(option.tried, option.rewarded)}</Table.Td>
            </Table.Tr>
          ))}
          <Table.Tr><Table.Td c="dimmed">{t('held_out')}</Table.Td><Table.Td /><Table.Td ta="right" className="numbers">{choice.held_out.tried.toLocaleString()}</Table.Td><Table.Td ta="right" className="numbers">{rate(choice.held_out.tried, choice.held_out.rewarded)}</Table.Td></Table.Tr>
        </Table.Tbody>
      </Table>
      {choice.suggestion !== null && (
        <Alert icon={<IconBulb aria-hidden />} title={t('suggestion')} color="blue" variant="light">
          <Text size="sm">{choice.suggestion.because}</Text>
          <Text size="sm" className="numbers">{Object.entries(choice.suggestion.to).map(([name, share]) => `${words(name)} ${Math.round(share * 1000) / 10} %`).join(' · ')}</Text>
          {answer.isError && <Problem error={answer.error} />}
          <Group gap="xs" mt="xs"><Button size="xs" disabled={!may} loading={answer.isPending} onClick={() => answer.mutate('accept')}>{t('accept')}</Button><Button size="xs" variant="default" disabled={!may} onClick={() => answer.mutate('refuse')}>{t('refuse')}</Button></Group>
        </Alert>
      )}
    </Stack>
  );
}

function Changes() {
  const { t } = useTranslation('learning');
  const query = useQuery({ queryKey: ['autonomy', 'changes'], queryFn: ({ signal }) => call<{ items: Moment[] }>('GET', '/api/autonomy/changes?limit=30', undefined, signal) });
  return (
    <section aria-labelledby="changes">
      <Title order={2} id="changes" mb="xs">{t('changes')}</Title>
      <Asked query={query} lines={4}>
        {(found) => found.items.length === 0 ? <Text size="sm" c="dimmed">{t('no_changes')}</Text> : (
          <Timeline bulletSize={16} lineWidth={2}>
            {found.items.map((one) => <Timeline.Item key={one.number} title={one.text ?? words(one.kind)}><Text size="xs" c="dimmed"><Ago time={one.time} /> {one.why}</Text></Timeline.Item>)}
          </Timeline>
        )}
      </Asked>
    </section>
  );
}

