import { Alert, Button, Group, List, Modal, NumberFormatter, Radio, Select, Skeleton, Stack, Table, Text, Textarea, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError, call } from '../../api/client';
import { useMay } from '../../api/session';
import { Problem } from '../../shell/Broken';
import { at, type JourneyFull, type Prospect } from './data';
import { Changes } from './Versions';
import type { Plan } from './plan';
import { tidy } from './plan';

const CHOICES = ['migrate_keep', 'migrate', 'finish', 'exit'] as const;
const ENTER = ['future', 'now', 'both'] as const;

/** What publishing would do, what becomes of people inside, and the publish itself (or the request for it). */
export function Publish({ name, plan, live, onClose, onDone }: { name: string; plan: Plan; live: JourneyFull | null; onClose: () => void; onDone: () => Promise<void> }) {
  const { t } = useTranslation('journeys');
  const may = useMay('publisher');
  const [choices, setChoices] = useState<Record<string, string>>({});
  const [enter, setEnter] = useState<string>('future');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const [asking, setAsking] = useState(!may);
  const [comment, setComment] = useState('');
  const [asked, setAsked] = useState(false);
  const sent = tidy(plan);
  const prospect = useQuery({
    queryKey: ['prospect', name, JSON.stringify(sent)], gcTime: 0,
    queryFn: ({ signal }) => call<Prospect>('POST', `${at(name)}/preview?days=30`, { plan: sent }, signal),
  });
  const held = prospect.data;
  const errors = held?.problems.filter((one) => one.severity === 'error') ?? [];
  const choice = (step: string): string => choices[step] ?? 'finish';
  const body = () => ({ plan: sent, choices: Object.fromEntries(Object.keys(held?.choices ?? {}).map((step) => [step, choice(step)])), enter, expected: live?.version ?? 0 });
  const publish = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      await call('POST', `${at(name)}/publish`, body());
      await call('DELETE', `/api/drafts/${encodeURIComponent(name)}`).catch(() => undefined);
      await onDone();
    } catch (error) {
      if (error instanceof ApiError && error.code === 'approval_needed') setAsking(true);
      else setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const ask = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      await call('POST', '/api/approvals', { journey: name, plan: sent, comment });
      setAsked(true);
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose} size="lg" title={t('publish.title', { name: plan.title || name })}>
      <Stack>
        {prospect.isPending && <Stack gap="xs" role="status" aria-label={t('publish.looking')}><Text size="sm" c="dimmed">{t('publish.looking')}</Text><Skeleton h={16} /><Skeleton h={16} w="70%" /><Skeleton h={80} /></Stack>}
        {prospect.isError && <Problem error={prospect.error} retry={() => void prospect.refetch()} />}
        {held !== undefined && (
          <>
            {errors.length > 0 && <Alert color="red" title={t('publish.wrong', { count: errors.length })}><List size="sm">{errors.map((one, index) => <List.Item key={index}>{one.message}</List.Item>)}</List></Alert>}
            <section>
              <Title order={3} mb={4}>{t('publish.changes')}</Title>
              {held.new ? <Text size="sm">{t('publish.new')}</Text> : held.changes.length === 0 ? <Text size="sm" c="dimmed">{t('publish.same')}</Text> : <Changes changes={held.changes} />}
            </section>
            {Object.keys(held.choices).length > 0 && (
              <section>
                <Title order={3} mb={4}>{t('publish.people')}</Title>
                <Text size="sm" c="dimmed" mb="xs">{t('publish.people_why')}</Text>
                <Stack gap="xs">
                  {Object.entries(held.choices).map(([step, count]) => (
                    <Select
                      key={step} label={t('publish.at_step', { step: step.replaceAll('_', ' '), count })} value={choice(step)} allowDeselect={false}
                      description={t(`publish.choice_help.${choice(step)}`)} data={CHOICES.map((value) => ({ value, label: t(`publish.choice.${value}`) }))}
                      onChange={(one) => one !== null && setChoices({ ...choices, [step]: one })}
                    />
                  ))}
                </Stack>
              </section>
            )}
            <Radio.Group label={t('publish.enter')} value={enter} onChange={setEnter}>
              <Stack gap={6} mt={6}>{ENTER.map((value) => <Radio key={value} value={value} label={t(`publish.enters.${value}`, { count: held.trial?.matching ?? 0 })} />)}</Stack>
            </Radio.Group>
            {held.trial !== null && <TrialShown trial={held.trial} />}
            {failed !== undefined && <Problem error={failed} />}
            {asking && !asked && (
              <Textarea label={t('publish.comment')} description={t(may ? 'publish.four_eyes' : 'publish.no_right')} autosize minRows={2} value={comment} onChange={(event) => setComment(event.currentTarget.value)} />
            )}
            {asked && <Alert color="teal" title={t('publish.asked')}>{t('publish.asked_more')}</Alert>}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>{t(asked ? 'publish.close' : 'publish.cancel')}</Button>
              {asking
                ? !asked && <Button onClick={() => void ask()} loading={busy} disabled={errors.length > 0}>{t('publish.ask')}</Button>
                : <Button onClick={() => void publish()} loading={busy} disabled={errors.length > 0}>{t('publish.do')}</Button>}
            </Group>
          </>
        )}
      </Stack>
    </Modal>
  );
}

function TrialShown({ trial }: { trial: NonNullable<Prospect['trial']> }) {
  const { t } = useTranslation('journeys');
  const rows = Object.entries(trial.messages);
  return (
    <section>
      <Title order={3} mb={4}>{t('publish.trial', { days: trial.days })}</Title>
      <Text size="sm">{t('publish.matching', { count: trial.matching })}{trial.ghosts > 0 ? ` ${t('publish.ghosts', { count: trial.ghosts })}` : ''}</Text>
      {rows.length > 0 && (
        <Table mt="xs">
          <Table.Thead><Table.Tr><Table.Th>{t('people.step')}</Table.Th><Table.Th>{t('publish.outcome')}</Table.Th><Table.Th ta="right">{t('publish.count')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {rows.flatMap(([step, counts]) => Object.entries(counts).map(([what, count]) => (
              <Table.Tr key={`${step} ${what}`}><Table.Td>{step.replaceAll('_', ' ')}</Table.Td><Table.Td>{what.replaceAll('_', ' ')}</Table.Td><Table.Td ta="right" className="numbers"><NumberFormatter value={count} thousandSeparator /></Table.Td></Table.Tr>
            )))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
