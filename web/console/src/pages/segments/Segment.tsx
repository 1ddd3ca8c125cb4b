import { Badge, Button, Card, Grid, Group, Select, Stack, Text, Textarea, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { DataTable } from '../../parts/DataTable';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { usePages } from '../../parts/usePages';
import { called, type Subject, where } from '../../parts/subject/types';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { DraftBar, Troubles } from '../definition/DraftBar';
import { ObjectEditor } from '../definition/ObjectEditor';
import { type Held, useDraft, useObject } from '../definition/objects';
import { ConditionInput } from '../journeys/ConditionInput';
import { useNames } from '../journeys/names';
import { type Preview, useSegments } from './data';

/** One segment: its condition with a live count and a sample, and who is in it now. */
export function SegmentPage() {
  const { t } = useTranslation('segments');
  const { name = '' } = useParams();
  const held = useObject('segments', name);
  const { data: all } = useSegments();
  const now = all?.find((one) => one.name === name);
  return (
    <Page name="segments" title={words(name)} detail={now === undefined ? t('not_yet') : t('now', { count: now.size, of: words(now.of) })}>
      <DraftBar />
      <Asked query={held} lines={8}>
        {(found) => (
          <Grid gap="lg">
            <Grid.Col span={{ base: 12, md: 6 }}>
              <Stack>
                {found.current?.manual === true ? <Text size="sm" c="dimmed">{t('manual')}</Text> : <Editor key={`${name} ${found.revision ?? ''}`} held={found} />}
                <ObjectEditor held={found} rows={5} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 6 }}>{now !== undefined && <Members name={name} />}</Grid.Col>
          </Grid>
        )}
      </Asked>
    </Page>
  );
}

function Editor({ held }: { held: Held }) {
  const { t } = useTranslation('segments');
  const may = useMay('editor');
  const names = useNames();
  const was = held.drafted ?? held.current ?? {};
  const [of, setOf] = useState(String(was.of ?? 'person'));
  const written = typeof was.when === 'string' ? was.when : was.when === undefined ? '' : JSON.stringify(was.when);
  const [when, setWhen] = useState(written);
  const [description, setDescription] = useState(String(was.description ?? ''));
  const draft = useDraft('segments', held.name);
  useEffect(() => { setWhen(written); }, [written]);
  const save = () => {
    const plain = when.trim().startsWith('{') ? (JSON.parse(when) as unknown) : when;
    const object = { ...was, when: plain, ...(of === 'person' ? {} : { of }), ...(description === '' ? {} : { description }) };
    draft.mutate({ object, revision: held.revision }, { onSuccess: () => notifications.show({ message: t('drafted') }) });
  };
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Select label={t('of')} data={[...new Set(['person', 'account', of])].map((one) => ({ value: one, label: words(one) }))} value={of} onChange={(one) => setOf(one ?? 'person')} disabled={!may} allowDeselect={false} />
        {when.trim().startsWith('{')
          ? <Textarea label={t('when')} value={when} onChange={(event) => setWhen(event.currentTarget.value)} autosize minRows={3} readOnly={!may} />
          : <ConditionInput label={t('when')} value={when} onChange={(one) => setWhen(one ?? '')} names={names.condition ?? []} disabled={!may} />}
        <TextInput label={t('description')} value={description} onChange={(event) => setDescription(event.currentTarget.value)} readOnly={!may} />
        <Live when={when} of={of} />
        {draft.isError && <Problem error={draft.error} />}
        {draft.data !== undefined && <Troubles found={draft.data.problems} />}
        <Group justify="flex-end"><Button onClick={save} disabled={!may || when.trim() === ''} loading={draft.isPending}>{t('save')}</Button></Group>
      </Stack>
    </Card>
  );
}

/** How many a condition would take now, and some of them. */
function Live({ when, of }: { when: string; of: string }) {
  const { t } = useTranslation('segments');
  const [asked] = useDebouncedValue(when.trim(), 350);
  const { data, error, isFetching } = useQuery<Preview>({
    queryKey: ['segment preview', of, asked], enabled: asked !== '', retry: false, staleTime: 15_000, placeholderData: (held) => held,
    queryFn: ({ signal }) => call<Preview>('POST', '/api/segments/preview', { of, when: asked.startsWith('{') ? (JSON.parse(asked) as unknown) : asked }, signal),
  });
  if (asked === '') return null;
  if (error !== null) return <Text size="sm" c="red" role="status">{error.message}</Text>;
  if (data === undefined) return <Text size="sm" c="dimmed" role="status">{t('counting')}</Text>;
  return (
    <Card bg="var(--mantine-color-default-hover)" padding="sm" role="status" aria-busy={isFetching}>
      <Text fw={600} className="numbers">{t('would', { count: data.count })}{data.share !== null && <Text span c="dimmed" size="sm"> · {Math.round((data.share ?? 0) * 1000) / 10} %</Text>}</Text>
      <Group gap={6} mt={4}>
        {data.items.slice(0, 8).map((one) => <Badge key={one.id} component={Link} to={where(one)} variant="default" style={{ cursor: 'pointer' }}>{called(one)}</Badge>)}
      </Group>
    </Card>
  );
}

function Members({ name }: { name: string }) {
  const { t } = useTranslation('segments');
  const held = usePages<Subject>(`/api/segments/${encodeURIComponent(name)}/members`, {}, { limit: 25 });
  return (
    <section aria-labelledby="members">
      <Title order={2} id="members" mb="xs">{t('members')}</Title>
      <Asked query={held.query}>
        {() => held.rows.length === 0 ? <Empty icon={IconUsers} title={t('nobody')} /> : (
          <DataTable
            label={t('members')} rows={held.rows} id={(one) => one.id} href={where} more={held.more} onMore={held.next} loading={held.loading}
            columns={[{ key: 'who', title: t('who'), render: called }]}
          />
        )}
      </Asked>
    </section>
  );
}
