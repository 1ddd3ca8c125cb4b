import { Alert, Anchor, Badge, Button, Group, Modal, SegmentedControl, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconRoute } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { useDrafts, useJourneys } from './data';
import { Time } from './People';

const COLOURS: Record<string, string> = { published: 'teal', paused: 'yellow', shadow: 'violet', archived: 'gray', draft: 'blue' };

/** Every journey: its state, who is inside, and drafts that nobody has published yet. */
export function JourneyList() {
  const { t } = useTranslation('journeys');
  const journeys = useJourneys();
  const drafts = useDrafts();
  const may = useMay('editor');
  const [opened, dialog] = useDisclosure();
  const [sought, setSought] = useState('');
  const [state, setState] = useState('all');
  const rows = useMemo(() => {
    const drafted = new Map((drafts.data ?? []).map((one) => [one.journey, one]));
    const known = (journeys.data ?? []).map((one) => ({ ...one, draft: drafted.get(one.name), state: one.state as string }));
    const fresh = [...drafted.values()].filter((one) => !(journeys.data ?? []).some((each) => each.name === one.journey))
      .map((one) => ({ name: one.journey, title: one.plan.title || one.journey, description: String(one.plan.description ?? ''), of: one.plan.of ?? 'person', state: 'draft', version: 0, running: 0, steps: Object.keys(one.plan.steps).length, pause: null, draft: one }));
    const all = [...fresh, ...known];
    const words = sought.trim().toLowerCase();
    return all.filter((one) => (state === 'all' ? one.state !== 'archived' : one.state === state || (state === 'draft' && one.draft !== undefined)) && (words === '' || `${one.name} ${one.title}`.toLowerCase().includes(words)));
  }, [journeys.data, drafts.data, sought, state]);
  return (
    <Page
      name="journeys" detail={t('list.detail')}
      actions={<><Button component={Link} to="/journeys/conflicts" variant="default">{t('list.conflicts')}</Button>{may && <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={dialog.open}>{t('list.new')}</Button>}</>}
    >
      <Group gap="xs">
        <TextInput aria-label={t('list.find')} placeholder={t('list.find')} value={sought} onChange={(event) => setSought(event.currentTarget.value)} />
        <SegmentedControl size="xs" aria-label={t('list.state')} value={state} onChange={setState} data={['all', 'published', 'draft', 'paused', 'archived'].map((value) => ({ value, label: t(`states.${value}`) }))} />
      </Group>
      <Asked query={journeys}>
        {(all) => rows.length === 0
          ? <Empty icon={IconRoute} title={t(all.length === 0 ? 'list.empty' : 'list.nothing')}>{all.length === 0 && t('list.empty_more')}</Empty>
          : (
            <Table.ScrollContainer minWidth={520}>
              <Table highlightOnHover verticalSpacing="xs">
                <Table.Thead><Table.Tr><Table.Th>{t('list.journey')}</Table.Th><Table.Th>{t('list.state')}</Table.Th><Table.Th ta="right">{t('list.inside')}</Table.Th><Table.Th ta="right">{t('list.steps')}</Table.Th><Table.Th>{t('list.of')}</Table.Th><Table.Th>{t('list.draft')}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {rows.map((one) => (
                    <Table.Tr key={one.name}>
                      <Table.Td maw={380}>
                        <Anchor component={Link} to={`/journeys/${encodeURIComponent(one.name)}`} fw={600} size="sm">{one.title}</Anchor>
                        <Text size="xs" c="dimmed" truncate>{one.name}</Text>
                      </Table.Td>
                      <Table.Td><Badge variant="light" color={COLOURS[one.state]}>{t(`states.${one.state}`)}</Badge></Table.Td>
                      <Table.Td ta="right" className="numbers">{one.running.toLocaleString()}</Table.Td>
                      <Table.Td ta="right" className="numbers">{one.steps}</Table.Td>
                      <Table.Td>{one.of}</Table.Td>
                      <Table.Td>{one.draft === undefined ? '' : <Text size="sm" component="span"><Time at={one.draft.changed} /></Text>}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
      </Asked>
      {opened && <New onClose={dialog.close} taken={rows.map((one) => one.name)} />}
    </Page>
  );
}

function New({ onClose, taken }: { onClose: () => void; taken: string[] }) {
  const { t } = useTranslation('journeys');
  const go = useNavigate();
  const [title, setTitle] = useState('');
  const name = title.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').replace(/^(\d)/, 'j_$1');
  const there = taken.includes(name);
  const make = () => {
    if (name !== '' && !there) void go(`/journeys/${name}`);
  };
  return (
    <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose} title={t('list.new')}>
      <form onSubmit={(event) => { event.preventDefault(); make(); }}>
        <Stack>
          <TextInput data-autofocus label={t('list.title')} description={t('list.title_help')} value={title} onChange={(event) => setTitle(event.currentTarget.value)} required />
          {name !== '' && <Text size="xs" c="dimmed">{t('list.called', { name })}</Text>}
          {there && <Alert color="yellow" p="xs">{t('list.taken')}</Alert>}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('publish.cancel')}</Button><Button type="submit" disabled={name === '' || there}>{t('list.begin')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
