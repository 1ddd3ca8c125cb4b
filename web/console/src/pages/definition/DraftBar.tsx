import { Alert, Badge, Button, Code, Group, List, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconPencil } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { type Comparison, type Trouble, useAskApproval, useComparison, useDrafts, useForgetDraft, usePublish } from './objects';

/** What was drafted and is not in force yet: see it, throw it away, publish it. Nothing is shown without drafts. */
export function DraftBar() {
  const { t } = useTranslation('definition');
  const { data } = useDrafts();
  const [open, { open: show, close }] = useDisclosure();
  if (data === undefined || data.length === 0) return null;
  return (
    <Alert color="blue" variant="light" icon={<IconPencil aria-hidden />} py="xs">
      <Group justify="space-between">
        <Text size="sm">{t('drafts', { count: data.length, files: data.map((one) => one.path).join(', ') })}</Text>
        <Button size="xs" onClick={show}>{t('compare')}</Button>
      </Group>
      <Modal opened={open} onClose={close} title={t('title')} size="lg">{open && <Differences onDone={close} />}</Modal>
    </Alert>
  );
}

function Differences({ onDone }: { onDone: () => void }) {
  const query = useComparison(true);
  return <Asked query={query}>{(found) => <Difference found={found} onDone={onDone} />}</Asked>;
}

function Difference({ found, onDone }: { found: Comparison; onDone: () => void }) {
  const { t } = useTranslation('definition');
  const may = useMay('publisher');
  const { data: drafts } = useDrafts();
  const forget = useForgetDraft();
  const publish = usePublish(() => { notifications.show({ message: t('published') }); onDone(); });
  const ask = useAskApproval();
  const wrong = found.problems.filter((one) => one.severity !== 'warning');
  const refused = publish.error instanceof ApiError && publish.error.code.includes('approv');
  const throwAway = async () => {
    for (const one of drafts ?? []) await forget.mutateAsync(one.path);
    onDone();
  };
  return (
    <Stack>
      <List size="sm" spacing={4}>
        {found.changes.map((one) => (
          <List.Item key={`${one.section} ${one.name}`}>
            <Badge size="xs" variant="light" color={one.action === 'removed' ? 'red' : one.action === 'added' ? 'teal' : 'blue'} mr={6}>{t(`actions.${one.action}`, { defaultValue: one.action })}</Badge>
            {words(one.section)}: <b>{one.name}</b>{one.prose === true && <Text span c="dimmed" size="sm"> · {t('prose')}</Text>}
          </List.Item>
        ))}
        {found.changes.length === 0 && <List.Item>{t('nothing')}</List.Item>}
      </List>
      {found.journeys.length > 0 && <Text size="sm">{t('in_flight', { journeys: found.journeys.map((one) => one.journey).join(', ') })}</Text>}
      <Troubles found={found.problems} />
      {publish.isError && !refused && <Problem error={publish.error} />}
      {(ask.isError) && <Problem error={ask.error} />}
      {refused && (
        <Alert color="yellow" title={t('needs_approval')}>
          <Button size="xs" mt="xs" loading={ask.isPending} onClick={() => ask.mutate('', { onSuccess: () => { notifications.show({ message: t('asked') }); onDone(); } })}>{t('ask')}</Button>
        </Alert>
      )}
      <Group justify="space-between">
        <Button variant="subtle" color="red" onClick={() => void throwAway()} loading={forget.isPending}>{t('forget')}</Button>
        <Button
          disabled={!may || wrong.length > 0 || found.changes.length === 0} loading={publish.isPending}
          onClick={() => publish.mutate(found.version)}
        >{t('publish')}</Button>
      </Group>
      {!may && <Text size="xs" c="dimmed">{t('may_not')}</Text>}
    </Stack>
  );
}

/** Everything that is wrong, each with its place and how to mend it. */
export function Troubles({ found }: { found: readonly Trouble[] }) {
  const { t } = useTranslation('definition');
  if (found.length === 0) return null;
  return (
    <Alert color={found.some((one) => one.severity !== 'warning') ? 'red' : 'yellow'} title={t('problems', { count: found.length })} role="alert">
      <List size="sm" spacing="xs">
        {found.slice(0, 12).map((one, place) => (
          <List.Item key={place}>
            {one.message}{one.file !== undefined && <Code ml={6}>{one.file}{one.line === undefined ? '' : `:${one.line}`}</Code>}
            {one.fix !== undefined && one.fix !== '' && <Text size="xs" c="dimmed">{one.fix}</Text>}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
