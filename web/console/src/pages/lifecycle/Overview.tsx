import { Anchor, Badge, Card, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { bandColour } from '../../theme';
import { DraftBar } from '../definition/DraftBar';
import { type LifecycleCounts, type ScoreCounts, useLifecycles, useScores } from './data';

/** Where everybody stands, and how healthy they are; each leads to its editor. */
export function LifecycleOverview() {
  const { t } = useTranslation('lifecycle');
  const [lifecycles, scores] = [useLifecycles(), useScores()];
  return (
    <Page name="lifecycle" detail={t('detail')}>
      <DraftBar />
      <Stack gap="xl">
        <Asked query={lifecycles}>{(all) => <Stack gap="md">{all.map((one) => <Stages key={one.name} held={one} />)}</Stack>}</Asked>
        <section aria-labelledby="scores">
          <Title order={2} id="scores" mb="xs">{t('scores')}</Title>
          <Asked query={scores}>{(all) => <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>{all.map((one) => <Score key={one.name} held={one} />)}</SimpleGrid>}</Asked>
        </section>
      </Stack>
    </Page>
  );
}

function Stages({ held }: { held: LifecycleCounts }) {
  const { t } = useTranslation('lifecycle');
  const all = held.stages.reduce((sum, one) => sum + one.count, held.outside);
  return (
    <section aria-labelledby={`lifecycle-${held.name}`}>
      <Group mb="xs" gap="xs"><Title order={2} id={`lifecycle-${held.name}`}>{words(held.name)}</Title><Badge variant="light" color="gray">{words(held.of)}</Badge></Group>
      <SimpleGrid cols={{ base: 2, sm: 4, xl: 8 }} spacing="xs">
        {held.stages.map((stage) => (
          <Card key={stage.name} withBorder padding="sm">
            <Anchor component={Link} to={`/lifecycle/${held.name}/${stage.name}`} fw={600} c="var(--mantine-color-text)" size="sm">{words(stage.name)}</Anchor>
            <Text fz={22} fw={600} className="numbers">{stage.count.toLocaleString()}</Text>
            <Progress value={all === 0 ? 0 : (stage.count / all) * 100} size="sm" aria-label={t('share_of', { stage: stage.name })} />
          </Card>
        ))}
      </SimpleGrid>
    </section>
  );
}

function Score({ held }: { held: ScoreCounts }) {
  const { t } = useTranslation('lifecycle');
  const parts = [...Object.entries(held.bands), ['unknown', held.unknown] as const];
  const all = parts.reduce((sum, [, count]) => sum + count, 0);
  return (
    <Card withBorder>
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Anchor component={Link} to={`/lifecycle/scores/${held.name}`} fw={600} c="var(--mantine-color-text)">{words(held.name)}</Anchor>
        <Badge variant="light" color="gray">{words(held.of)}</Badge>
      </Group>
      <Progress.Root size="lg" aria-label={t('bands', { score: words(held.name) })}>
        {parts.map(([band, count]) => count > 0 && <Progress.Section key={band} value={all === 0 ? 0 : (count / all) * 100} color={bandColour(band, held.name)} aria-label={`${words(band)}: ${count}`} />)}
      </Progress.Root>
      <Group gap="sm" mt="xs">{parts.map(([band, count]) => <Text key={band} size="xs" c="dimmed" className="numbers">{words(band)} {count.toLocaleString()}</Text>)}</Group>
    </Card>
  );
}
