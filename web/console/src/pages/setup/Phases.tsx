import { Anchor, Badge, Card, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { words } from '../../parts/words';
import type { Journey, Phase } from './data';

interface Lifecycle { name: string; stages: { name: string; count: number }[] }

/** The phases as a plan: what each is for, what is live of it, and which data are still missing. */
export function Phases({ phases, seen, journeys, lifecycles }: { phases: [string, Phase][]; seen: Set<string>; journeys: Journey[]; lifecycles: Lifecycle[] }) {
  const { t } = useTranslation('setup');
  if (phases.length === 0) return <Text size="sm" c="dimmed">{t('plan.none')}</Text>;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      {phases.map(([name, phase]) => {
        const missing = phase.events.filter((event) => !seen.has(event));
        const live = phase.journeys.filter((journey) => journeys.some((one) => one.name === journey && one.state === 'published'));
        const peopled = phase.stages.filter((path) => {
          const [lifecycle, stage] = path.split('/');
          return (lifecycles.find((one) => one.name === lifecycle)?.stages.find((one) => one.name === stage)?.count ?? 0) > 0;
        });
        const parts = [phase.events.length - missing.length, live.length, peopled.length];
        const all = [phase.events.length, phase.journeys.length, phase.stages.length];
        const share = parts.reduce((sum, one) => sum + one, 0) / Math.max(1, all.reduce((sum, one) => sum + one, 0));
        return (
          <Card key={name} withBorder padding="md" component="section" aria-label={phase.title}>
            <Stack gap="xs">
              <Group justify="space-between" wrap="nowrap"><Title order={3}>{phase.title}</Title><Badge variant="light" tt="none" className="band" color={share >= 1 ? 'teal' : 'gray'}>{t('plan.weeks', { weeks: phase.weeks.join('–') })}</Badge></Group>
              <Text size="sm">{phase.goal}</Text>
              <Progress value={share * 100} color="teal" aria-label={t('plan.done', { title: phase.title })} />
              <Text size="sm" c="dimmed">{t('plan.parts', { events: parts[0], all_events: all[0], journeys: parts[1], all_journeys: all[1], stages: parts[2], all_stages: all[2] })}</Text>
              {missing.length > 0 && <Text size="sm">{t('plan.missing')} {missing.join(', ')}</Text>}
              {live.length < phase.journeys.length && (
                <Text size="sm">{t('plan.drafts')} {phase.journeys.filter((one) => !live.includes(one)).map((one, at) => <span key={one}>{at > 0 && ', '}<Anchor component={Link} to={`/journeys/${one}`} size="sm">{words(one)}</Anchor></span>)}</Text>
              )}
            </Stack>
          </Card>
        );
      })}
    </SimpleGrid>
  );
}
