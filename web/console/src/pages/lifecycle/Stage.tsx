import { Anchor, Breadcrumbs, Button, Card, Group, MultiSelect, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconStairs } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { DraftBar, Troubles } from '../definition/DraftBar';
import { type Held, useDraft, useObject } from '../definition/objects';
import { ConditionInput } from '../journeys/ConditionInput';
import { useNames } from '../journeys/names';

interface StageOf { name: string; enter?: unknown; exit?: unknown; from?: string[]; question?: string; output?: string; [more: string]: unknown }

/** One stage: how people come into it and out of it, in what order stages are looked at. */
export function StagePage() {
  const { t } = useTranslation('lifecycle');
  const { lifecycle = '', stage = '' } = useParams();
  const held = useObject('lifecycles', lifecycle);
  return (
    <Page
      name="lifecycle" title={words(stage)}
      detail={<Breadcrumbs separator="›"><Anchor component={Link} to="/lifecycle" size="sm">{t('all')}</Anchor><Text size="sm">{words(lifecycle)}</Text></Breadcrumbs>}
    >
      <DraftBar />
      <Asked query={held} lines={8}>
        {(found) => {
          const stages = ((found.drafted ?? found.current)?.stages ?? []) as StageOf[];
          const one = stages.find((each) => each.name === stage);
          return one === undefined ? <Empty icon={IconStairs} title={t('no_such')} /> : <Editor key={`${lifecycle} ${stage} ${found.revision ?? ''}`} held={found} stages={stages} stage={one} />;
        }}
      </Asked>
    </Page>
  );
}

function Editor({ held, stages, stage }: { held: Held; stages: StageOf[]; stage: StageOf }) {
  const { t } = useTranslation('lifecycle');
  const may = useMay('editor');
  const names = useNames();
  const [now, setNow] = useState(stage);
  const draft = useDraft('lifecycles', held.name);
  const place = stages.findIndex((one) => one.name === stage.name);
  const others = stages.map((one) => one.name).filter((name) => name !== stage.name);
  const change = (more: Partial<StageOf>) => setNow((before) => Object.fromEntries(Object.entries({ ...before, ...more }).filter(([, one]) => one !== undefined && one !== '' && !(Array.isArray(one) && one.length === 0))) as StageOf);
  const save = () => draft.mutate(
    { object: { ...(held.drafted ?? held.current ?? {}), stages: stages.map((one) => (one.name === stage.name ? now : one)) }, revision: held.revision },
    { onSuccess: () => notifications.show({ message: t('drafted') }) },
  );
  return (
    <Card withBorder maw={820}>
      <Stack gap="md">
        <TextInput label={t('question')} value={now.question ?? ''} onChange={(event) => change({ question: event.currentTarget.value })} readOnly={!may} />
        <ConditionInput label={t('enter')} description={place === 0 ? t('first') : t('precedence', { place: place + 1, count: stages.length })} value={now.enter} onChange={(enter) => change({ enter })} names={names.condition ?? []} disabled={!may} />
        <ConditionInput label={t('exit')} description={t('exit_why')} value={now.exit} onChange={(exit) => change({ exit })} names={names.condition ?? []} disabled={!may} />
        <MultiSelect label={t('from')} description={t('from_why')} data={others.map((one) => ({ value: one, label: words(one) }))} value={now.from ?? []} onChange={(from) => change({ from })} disabled={!may} clearable />
        {draft.isError && <Problem error={draft.error} />}
        {draft.data !== undefined && <Troubles found={draft.data.problems} />}
        <Group justify="flex-end"><Button onClick={save} disabled={!may || JSON.stringify(now) === JSON.stringify(stage)} loading={draft.isPending}>{t('save')}</Button></Group>
      </Stack>
    </Card>
  );
}
