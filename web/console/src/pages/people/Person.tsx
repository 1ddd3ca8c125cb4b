import { Card, Grid, Stack, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams, useSearchParams } from 'react-router';

import { call } from '../../api/client';
import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { Consent } from '../../parts/subject/Consent';
import { Facts } from '../../parts/subject/Facts';
import { Known } from '../../parts/subject/Head';
import { Messages } from '../../parts/subject/Messages';
import { NextAction } from '../../parts/subject/NextAction';
import { Notes } from '../../parts/subject/Notes';
import { Predictions } from '../../parts/subject/Predictions';
import { Runs } from '../../parts/subject/Runs';
import { ScoreCard, ScoreLine } from '../../parts/subject/Scores';
import { Standing } from '../../parts/subject/Standing';
import { SubjectTasks } from '../../parts/subject/Tasks';
import { Timeline } from '../../parts/subject/Timeline';
import { called, type Profile } from '../../parts/subject/types';
import { useLive } from '../../parts/subject/useLive';
import { Events } from './Events';
import { Identity } from './Identity';

const TABS = ['timeline', 'health', 'messages', 'journeys', 'tasks', 'notes', 'signals', 'identity', 'consent', 'events'];

/** Somebody: where they stand, what happened and why, what they were sent. */
export function PersonPage() {
  const { t } = useTranslation('subject');
  const { id = '' } = useParams();
  const [held, setHeld] = useSearchParams();
  const tab = TABS.find((one) => one === held.get('tab')) ?? 'timeline';
  const query = useQuery({ queryKey: ['person', id], queryFn: () => call<Profile>('GET', `/api/people/${id}`) });
  useLive(id, () => void query.refetch());
  const profile = query.data;
  return (
    <Page name="people" title={profile === undefined ? '…' : called(profile)} detail={profile === undefined ? undefined : <Known profile={profile} />}>
      <Asked query={query} lines={12}>
        {(one) => (
          <Grid gap="md">
            <Grid.Col span={{ base: 12, md: 4 }} order={2}>
              <Stack gap="md">
                <NextAction profile={one} />
                <Card withBorder padding="md">
                  <Stack gap={6}>
                    <Text fw={600} size="sm">{t('scores')}</Text>
                    {Object.entries(one.scores).map(([name, score]) => <ScoreLine key={name} name={name} score={score} />)}
                  </Stack>
                </Card>
                <Predictions profile={one} />
                <Standing profile={one} />
                <Facts title={t('traits')} held={one.traits} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 8 }} order={1}>
              <Tabs value={tab} onChange={(value) => setHeld({ tab: value ?? 'timeline' }, { replace: true })} keepMounted={false}>
                <Tabs.List mb="sm">{TABS.map((name) => <Tabs.Tab key={name} value={name} px="xs">{t(`tabs.${name}`)}</Tabs.Tab>)}</Tabs.List>
                <Tabs.Panel value="timeline"><Timeline id={id} of="person" /></Tabs.Panel>
                <Tabs.Panel value="health"><Stack>{Object.keys(one.scores).map((name) => <ScoreCard key={name} profile={one} name={name} />)}</Stack></Tabs.Panel>
                <Tabs.Panel value="messages"><Messages id={id} /></Tabs.Panel>
                <Tabs.Panel value="journeys"><Runs id={id} of="person" /></Tabs.Panel>
                <Tabs.Panel value="tasks"><SubjectTasks id={id} of="person" /></Tabs.Panel>
                <Tabs.Panel value="notes"><Notes profile={one} /></Tabs.Panel>
                <Tabs.Panel value="signals"><Facts title={t('signals')} held={one.signals} pending={one.pending} /></Tabs.Panel>
                <Tabs.Panel value="identity"><Identity profile={one} /></Tabs.Panel>
                <Tabs.Panel value="consent"><Consent id={id} /></Tabs.Panel>
                <Tabs.Panel value="events"><Events id={id} /></Tabs.Panel>
              </Tabs>
            </Grid.Col>
          </Grid>
        )}
      </Asked>
    </Page>
  );
}
