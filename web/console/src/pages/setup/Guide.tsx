import { Alert, Anchor, Badge, Button, Card, Code, CopyButton, Group, Select, Stack, Table, Text, ThemeIcon, Title } from '@mantine/core';
import { IconCheck, IconCircleDashed } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { useWorkspace } from '../../parts/Money';
import { Page } from '../../parts/Page';
import { count, words } from '../../parts/words';
import { useEvents, useJourneys, useLifecycles, usePhases } from './data';
import { Phases } from './Phases';

const WATCH_MS = 4_000;

/** From nothing to two stages that are live, then phase by phase. */
export function Guide() {
  const { t } = useTranslation('setup');
  const admin = useMay('admin');
  if (!admin) return <Page name="set_up"><Alert color="gray">{t('admins')}</Alert></Page>;
  return (
    <Page name="set_up" detail={t('why')} actions={<Button component={Link} to="/set-up/results" size="xs" variant="default">{t('results.title')}</Button>}>
      <Steps />
    </Page>
  );
}

function Steps() {
  const { t } = useTranslation('setup');
  const events = useEvents(WATCH_MS);
  const lifecycles = useLifecycles(WATCH_MS);
  const journeys = useJourneys();
  const phases = usePhases();
  const workspace = useWorkspace();
  const seen = events.data ?? [];
  const first = phases?.[0]?.[1];
  const live = (first?.stages ?? []).filter((path) => {
    const [lifecycle, stage] = path.split('/');
    return (lifecycles.data?.find((one) => one.name === lifecycle)?.stages.find((one) => one.name === stage)?.count ?? 0) > 0;
  });
  const known = new Set(seen.map((one) => one.name));
  const wanted = first?.events ?? [];
  const mapped = wanted.filter((name) => known.has(name));
  return (
    <Stack gap="md">
      <Step done={seen.length > 0} title={t('snippet.title')} detail={seen.length > 0 ? <>{t('snippet.seen', { count: seen.reduce((sum, one) => sum + one.n, 0) })} <Ago time={Math.max(...seen.map((one) => one.last))} /></> : t('snippet.waiting')}>
        {seen.length === 0 ? <Snippet /> : undefined}
      </Step>
      <Step done={workspace !== undefined && (phases?.length ?? 0) > 0} title={t('pack.title')} detail={workspace === undefined ? '' : t('pack.now', { name: workspace.workspace.title ?? workspace.name })}><Packs current={workspace?.name} version={workspace?.version} /></Step>
      <Step done={wanted.length > 0 && mapped.length === wanted.length} title={t('events.title')} detail={t('events.of', { count: mapped.length, all: wanted.length })}>
        <Group gap={6}>{wanted.map((name) => <Badge key={name} className="band" variant="light" tt="none" color={known.has(name) ? 'teal' : 'gray'}>{known.has(name) ? '✓ ' : ''}{name}</Badge>)}</Group>
        <Text size="sm" mt="xs" c="dimmed">{t('events.how')}</Text>
        <Unmapped seen={seen.filter((one) => !(phases ?? []).some(([, phase]) => phase.events.includes(one.name))).slice(0, 12)} />
      </Step>
      <Step done={live.length >= 2} title={t('stages.title')} detail={t('stages.of', { count: live.length })}>
        <Group gap={6}>{(first?.stages ?? []).map((path) => <Badge key={path} className="band" variant="light" tt="none" color={live.includes(path) ? 'teal' : 'gray'}>{live.includes(path) ? '✓ ' : ''}{words(path.replace('/', ': '))}</Badge>)}</Group>
      </Step>
      <Title order={2} mt="md">{t('plan.title')}</Title>
      <Phases phases={phases ?? []} seen={known} journeys={journeys.data ?? []} lifecycles={lifecycles.data ?? []} />
    </Stack>
  );
}

function Step({ done, title, detail, children }: { done: boolean; title: string; detail: ReactNode; children?: ReactNode }) {
  const { t } = useTranslation('setup');
  return (
    <Card withBorder padding="md" component="section" aria-label={title}>
      <Group align="flex-start" wrap="nowrap">
        <ThemeIcon size={28} radius="xl" variant="light" color={done ? 'teal' : 'gray'} role="img" aria-label={t(done ? 'done' : 'open')}>{done ? <IconCheck size={16} /> : <IconCircleDashed size={16} />}</ThemeIcon>
        <div style={{ flex: 1, minWidth: 0 }}>
          <Title order={2} fz="md">{title}</Title>
          <Text size="sm" c="dimmed" mb={children === undefined ? 0 : 'xs'} component="div">{detail}</Text>
          {children}
        </div>
      </Group>
    </Card>
  );
}

/** Lines for a page or a terminal with a write key of one's own. */
function Snippet() {
  const { t } = useTranslation('setup');
  const [key, setKey] = useState<string>();
  const [failed, setFailed] = useState('');
  const make = async () => {
    try {
      setKey((await call<{ secret: string }>('POST', '/api/keys/write', { source: 'website', name: t('snippet.key_name') })).secret);
    } catch (error) {
      setFailed((error as Error).message);
    }
  };
  const origin = window.location.origin;
  const held = key ?? 'YOUR_WRITE_KEY';
  const lines = `<script async src="${origin}/sevenfold.js" data-key="${held}"></script>`;
  const curl = `curl -u ${held}: ${origin}/v1/track -d '{"userId": "u1", "event": "Signed Up"}'`;
  return (
    <Stack gap="xs">
      {key === undefined && <Group><Button size="xs" onClick={() => void make()}>{t('snippet.make')}</Button>{failed !== '' && <Text size="sm" c="var(--mantine-color-error)">{failed}</Text>}</Group>}
      {[[t('snippet.page'), lines], [t('snippet.curl'), curl]].map(([title, text]) => (
        <div key={title}>
          <Group justify="space-between"><Text size="sm">{title}</Text><CopyButton value={text ?? ''}>{({ copied, copy }) => <Button size="compact-xs" variant="subtle" onClick={copy}>{t(copied ? 'common:parts.copied' : 'common:parts.copy')}</Button>}</CopyButton></Group>
          <Code block tabIndex={0}>{text}</Code>
        </div>
      ))}
    </Stack>
  );
}

interface Pack { name: string; title: string; description: string }
interface Difference { objects?: unknown[]; changes?: unknown[]; problems?: { message: string }[] }

/** Another pack, looked at before it is put in force. */
function Packs({ current, version }: { current: string | undefined; version: string | undefined }) {
  const { t } = useTranslation('setup');
  const client = useQueryClient();
  const packs = useQuery({ queryKey: ['/api/packs'], queryFn: () => call<Pack[]>('GET', '/api/packs'), staleTime: Infinity });
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = packs.data?.find((one) => one.name === chosen);
  const apply = async () => {
    const { files } = await call<{ files: Record<string, string> }>('GET', `/api/packs/${chosen}`);
    await call('POST', '/api/workspace/apply', { files, expected: version });
    setChosen(null);
    await client.invalidateQueries();
  };
  return (
    <Stack gap="xs">
      <Group align="flex-end">
        <Select w={260} label={t('pack.choose')} data={(packs.data ?? []).filter((one) => one.name !== current).map((one) => ({ value: one.name, label: one.title }))} value={chosen} onChange={setChosen} searchable />
        <ConfirmButton variant="default" disabled={shown === undefined} label={t('pack.apply')} question={t('pack.sure', { title: shown?.title })} confirm={t('pack.apply')} onConfirm={apply}>
          {chosen !== null && <Changes name={chosen} />}
        </ConfirmButton>
      </Group>
      {shown !== undefined && <Text size="sm">{shown.description}</Text>}
      <Text size="sm" c="dimmed">{t('pack.how')}</Text>
      <Anchor component={Link} to="/lifecycle" size="sm">{t('pack.look')}</Anchor>
    </Stack>
  );
}

function Changes({ name }: { name: string }) {
  const { t } = useTranslation('setup');
  const query = useQuery({
    queryKey: ['pack', name], retry: false,
    queryFn: async () => call<Difference>('POST', '/api/workspace/diff', { files: (await call<{ files: Record<string, string> }>('GET', `/api/packs/${name}`)).files }),
  });
  return <Asked query={query}>{(held) => <Text size="sm">{t('pack.changes', { count: (held.objects ?? held.changes ?? []).length })}</Text>}</Asked>;
}

/** Events that came and that no phase asks for: perhaps others by another name. */
function Unmapped({ seen }: { seen: { name: string; n: number; last: number }[] }) {
  const { t } = useTranslation('setup');
  if (seen.length === 0) return null;
  return (
    <Table fz="sm" mt="xs" maw={520} aria-label={t('events.others')} captionSide="top">
      <Table.Caption>{t('events.others')}</Table.Caption>
      <Table.Tbody>{seen.map((one) => <Table.Tr key={one.name}><Table.Th scope="row" fw={400}>{one.name}</Table.Th><Table.Td ta="right" className="numbers">{count(one.n)}</Table.Td><Table.Td><Ago time={one.last} /></Table.Td></Table.Tr>)}</Table.Tbody>
    </Table>
  );
}
