import { Badge, Button, Code, Group, List, Modal, Select, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Problem } from '../../shell/Broken';
import { at, type Change, type JourneyFull, type Published } from './data';
import { Time } from './People';
import { Scroll } from './Scroll';

/** What changed, in words. */
export function Changes({ changes }: { changes: Change[] }) {
  const { t } = useTranslation('journeys');
  const text = (value: unknown): string => (value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));
  return (
    <List size="sm" spacing={4}>
      {changes.map((one, index) => (
        <List.Item key={index}>
          {t(`changes.${one.action}`, { part: t(`parts.${one.part}`), name: one.name.replaceAll('_', ' '), detail: one.detail ?? '' })}
          {one.choice === true && <Badge ml={6} size="xs" variant="light" color="orange">{t('changes.asks')}</Badge>}
          {(one.fields ?? []).map((field, at) => (
            <Text key={at} size="xs" c="dimmed" component="div">
              {field.field !== '' && <>{field.field}: </>}<Code>{text(field.before)}</Code> → <Code>{text(field.after)}</Code>
            </Text>
          ))}
        </List.Item>
      ))}
    </List>
  );
}

/** Every version there was, what is different between two of them, and the way back. */
export function Versions({ name, live, drafted, onRolledBack }: { name: string; live: JourneyFull; drafted: boolean; onRolledBack: () => Promise<void> }) {
  const { t } = useTranslation('journeys');
  const may = useMay('publisher');
  const versions = useQuery({ queryKey: ['versions', name, live.version], queryFn: ({ signal }) => call<Published[]>('GET', `${at(name)}/versions`, undefined, signal) });
  const [back, setBack] = useState<number | null>(null);
  const known = versions.data?.map((one) => one.version) ?? [];
  const [pair, setPair] = useState<[number, number] | null>(null);
  const [before, after] = pair ?? [Math.max(1, live.version - 1), live.version];
  const diff = useQuery({
    queryKey: ['diff', name, before, after], enabled: before !== after,
    queryFn: ({ signal }) => call<{ changes: Change[] }>('GET', `${at(name)}/diff?before=${before}&after=${after}`, undefined, signal),
  });
  const options = [...new Set([live.version, ...known])].sort((a, b) => b - a).map((one) => ({ value: String(one), label: t('build.version', { version: one }) }));
  return (
    <Stack>
      <Asked query={versions}>
        {(list) => (
          <Scroll label={t('views.versions')}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>{t('people.version')}</Table.Th><Table.Th>{t('versions.when')}</Table.Th><Table.Th>{t('versions.inside')}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {(list.length === 0 ? [{ number: 0, version: live.version, time: 0, enter: '' }] : list).map((one) => (
                  <Table.Tr key={one.number}>
                    <Table.Td className="numbers">{one.version}{one.version === live.version && <Badge ml="xs" size="sm" variant="light">{t('versions.current')}</Badge>}</Table.Td>
                    <Table.Td>{one.time === 0 ? '–' : <Time at={one.time} />}</Table.Td>
                    <Table.Td className="numbers">{(live.versions.find((each) => each.version === one.version)?.runs ?? 0).toLocaleString()}</Table.Td>
                    <Table.Td ta="right">{may && one.version !== live.version && <Button size="compact-sm" variant="default" onClick={() => setBack(one.version)} aria-label={t('versions.back', { version: one.version })}>{t('versions.back_short')}</Button>}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Asked>
      <Group align="flex-end">
        <Select label={t('versions.from')} data={options} value={String(before)} allowDeselect={false} onChange={(one) => one !== null && setPair([Number(one), after])} />
        <Select label={t('versions.to')} data={options} value={String(after)} allowDeselect={false} onChange={(one) => one !== null && setPair([before, Number(one)])} />
      </Group>
      {before === after ? <Text size="sm" c="dimmed">{t('versions.same')}</Text> : <Asked query={diff}>{(held) => (held.changes.length === 0 ? <Text size="sm" c="dimmed">{t('publish.same')}</Text> : <Changes changes={held.changes} />)}</Asked>}
      {back !== null && <RollBack name={name} version={back} live={live} drafted={drafted} onClose={() => setBack(null)} onDone={onRolledBack} />}
    </Stack>
  );
}

function RollBack({ name, version, live, drafted, onClose, onDone }: { name: string; version: number; live: JourneyFull; drafted: boolean; onClose: () => void; onDone: () => Promise<void> }) {
  const { t } = useTranslation('journeys');
  const [failed, setFailed] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [choice, setChoice] = useState('finish');
  const standing = live.versions.find((one) => one.version === live.version)?.standing ?? {};
  const diff = useQuery({ queryKey: ['diff', name, live.version, version], queryFn: ({ signal }) => call<{ changes: Change[] }>('GET', `${at(name)}/diff?before=${live.version}&after=${version}`, undefined, signal) });
  const asked = (diff.data?.changes ?? []).filter((one) => one.choice === true).map((one) => one.name);
  const count = asked.reduce((sum, step) => sum + (standing[step] ?? 0), 0);
  const go = async () => {
    setBusy(true);
    try {
      await call('POST', `${at(name)}/rollback`, { version, choices: Object.fromEntries(asked.map((step) => [step, choice])) });
      onClose();
      await onDone();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose} title={t('versions.back', { version })} size="lg">
      <Stack>
        <Text size="sm">{t('versions.back_why')}{drafted ? ` ${t('versions.back_draft')}` : ''}</Text>
        <Asked query={diff}>{(held) => <div><Title order={3} mb={4}>{t('publish.changes')}</Title><Changes changes={held.changes} /></div>}</Asked>
        {asked.length > 0 && <Select label={t('versions.people', { count })} value={choice} allowDeselect={false} data={['finish', 'migrate', 'migrate_keep', 'exit'].map((value) => ({ value, label: t(`publish.choice.${value}`) }))} onChange={(one) => one !== null && setChoice(one)} />}
        {failed !== undefined && <Problem error={failed} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('publish.cancel')}</Button><Button onClick={() => void go()} loading={busy} disabled={diff.data === undefined}>{t('versions.back', { version })}</Button></Group>
      </Stack>
    </Modal>
  );
}
