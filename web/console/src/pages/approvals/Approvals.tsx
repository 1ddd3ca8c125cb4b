import { Alert, Badge, Button, Code, Group, Modal, Paper, SegmentedControl, Stack, Switch, Text, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconChecklist } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { dump } from 'js-yaml';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay, useSession } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { at, found, type JourneyFull, type Prospect } from '../journeys/data';
import { Time } from '../journeys/People';
import { type Plan, tidy } from '../journeys/plan';
import { Changes } from '../journeys/Versions';

const Publish = lazy(() => import('../journeys/Publish').then((page) => ({ default: page.Publish })));

interface Comment { by: string; at: number; text: string; author: string | null }
interface Approval {
  id: number; kind: 'journey' | 'workspace'; name: string; digest: string; content: Record<string, unknown>; state: 'open' | 'approved' | 'refused' | 'withdrawn' | 'published';
  by: string; created: number; decided: number | null; decided_by: string | null; comments: Comment[]; author: string | null; decider: string | null;
}
const COLOURS: Record<string, string> = { open: 'blue', approved: 'teal', refused: 'red', withdrawn: 'gray', published: 'green' };
const STATES = ['open', 'approved', 'refused', 'published'];

/** What waits for somebody else's look before it reaches customers. */
export function Approvals() {
  const { t } = useTranslation('approvals');
  const [state, setState] = useState('open');
  const admin = useMay('admin');
  const client = useQueryClient();
  const needed = useQuery({ queryKey: ['four eyes'], queryFn: ({ signal }) => call<{ needed: boolean; fixed: boolean }>('GET', '/api/approvals/needed', undefined, signal) });
  const asked = useQuery({ queryKey: ['approvals', state], queryFn: ({ signal }) => call<{ items: Approval[] }>('GET', `/api/approvals?state=${state}`, undefined, signal), refetchInterval: 10_000 });
  const turn = async (on: boolean) => {
    await call('PUT', '/api/approvals/needed', { needed: on });
    await client.invalidateQueries({ queryKey: ['four eyes'] });
  };
  return (
    <Page name="approvals" detail={t('detail')}>
      <Group justify="space-between">
        <SegmentedControl aria-label={t('state')} size="xs" value={state} onChange={setState} data={STATES.map((value) => ({ value, label: t(`states.${value}`) }))} />
        {needed.data !== undefined && <Switch label={t('needed')} checked={needed.data.needed} disabled={!admin || needed.data.fixed} onChange={(event) => void turn(event.currentTarget.checked)} />}
      </Group>
      <Asked query={asked}>
        {(held) => held.items.length === 0
          ? <Empty icon={IconChecklist} title={t('nothing')}>{t(needed.data?.needed === true ? 'nothing_more' : 'not_needed')}</Empty>
          : <Stack>{held.items.map((one) => <Request key={one.id} one={one} />)}</Stack>}
      </Asked>
    </Page>
  );
}

function Request({ one }: { one: Approval }) {
  const { t } = useTranslation('approvals');
  const client = useQueryClient();
  const session = useSession();
  const may = useMay('publisher');
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState('');
  const [failed, setFailed] = useState<unknown>();
  const [shown, setShown] = useState(false);
  const [publishing, setPublishing] = useState(false);
  const own = session?.member.id === one.by;
  const again = async () => {
    await client.invalidateQueries({ queryKey: ['approvals'] });
  };
  const act = async (what: string, path: string, body: object) => {
    setBusy(what);
    setFailed(undefined);
    try {
      await call('POST', `/api/approvals/${one.id}/${path}`, body);
      setComment('');
      notifications.show({ message: t(`done.${what}`) });
      await again();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy('');
    }
  };
  const publish = async () => {
    setBusy('publish');
    setFailed(undefined);
    try {
      await call('POST', '/api/workspace/drafts/publish', {});
      notifications.show({ message: t('done.publish') });
      await again();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy('');
    }
  };
  return (
    <Paper withBorder p="md" component="article" aria-label={t('asks', { who: one.author ?? one.by, what: t(`kinds.${one.kind}`), name: one.name })}>
      <Stack gap="sm">
        <Group justify="space-between">
          <div>
            <Text fw={600}>{t('asks', { who: one.author ?? one.by, what: t(`kinds.${one.kind}`), name: one.name.replaceAll('_', ' ') })}</Text>
            <Text size="sm" c="dimmed"><Time at={one.created} />{one.decided !== null && <> · {t('decided', { who: one.decider ?? one.decided_by ?? '' })} <Time at={one.decided} /></>}</Text>
          </div>
          <Badge variant="light" color={COLOURS[one.state]}>{t(`states.${one.state}`)}</Badge>
        </Group>
        {one.kind === 'journey' && <Differs one={one} />}
        <Group><Button size="xs" variant="default" onClick={() => setShown(!shown)} aria-expanded={shown}>{t(shown ? 'hide' : 'show')}</Button></Group>
        {shown && <Code block mah={360} style={{ overflow: 'auto' }} tabIndex={0}>{dump(one.content, { lineWidth: 100, noRefs: true })}</Code>}
        {one.comments.map((said, index) => <Text key={index} size="sm"><b>{said.author ?? said.by}</b>: {said.text}</Text>)}
        {failed !== undefined && <Problem error={failed} />}
        {one.state === 'open' && (
          <>
            <Textarea label={t('comment')} autosize value={comment} onChange={(event) => setComment(event.currentTarget.value)} />
            {own && <Alert color="gray" p="xs">{t('own')}</Alert>}
            <Group>
              {may && !own && <Button loading={busy === 'approve'} onClick={() => void act('approve', 'decision', { decision: 'approve', comment })}>{t('approve')}</Button>}
              {may && !own && <Button variant="light" color="red" loading={busy === 'refuse'} onClick={() => void act('refuse', 'decision', { decision: 'refuse', comment })}>{t('refuse')}</Button>}
              {may && own && <Button variant="default" loading={busy === 'withdraw'} onClick={() => void act('withdraw', 'decision', { decision: 'withdraw', comment })}>{t('withdraw')}</Button>}
              <Button variant="default" disabled={comment.trim() === ''} loading={busy === 'say'} onClick={() => void act('say', 'comments', { text: comment })}>{t('say')}</Button>
            </Group>
          </>
        )}
        {one.state === 'approved' && may && <Group><Button loading={busy === 'publish'} onClick={() => (one.kind === 'journey' ? setPublishing(true) : void publish())}>{t('publish')}</Button></Group>}
        {publishing && <Suspense><Putting one={one} onClose={() => setPublishing(false)} onDone={again} /></Suspense>}
      </Stack>
    </Paper>
  );
}

/** What a journey's request would change, against what is in force. */
function Differs({ one }: { one: Approval }) {
  const { t } = useTranslation('approvals');
  const plan = tidy(one.content as Plan);
  const prospect = useQuery({ queryKey: ['differs', one.id, one.digest], enabled: one.state === 'open' || one.state === 'approved', queryFn: ({ signal }) => call<Prospect>('POST', `${at(one.name)}/preview?days=7`, { plan }, signal) });
  if (one.state !== 'open' && one.state !== 'approved') return null;
  return <Asked query={prospect} lines={2}>{(held) => (held.new ? <Text size="sm">{t('new')}</Text> : <Changes changes={held.changes} />)}</Asked>;
}

/** The publish of what was approved. */
function Putting({ one, onClose, onDone }: { one: Approval; onClose: () => void; onDone: () => Promise<void> }) {
  const { t } = useTranslation('approvals');
  const live = useQuery({ queryKey: ['journey', one.name], queryFn: ({ signal }) => found<JourneyFull>(at(one.name), signal) });
  if (live.data === undefined) return <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose}><Asked query={live}>{() => null}</Asked></Modal>;
  return <Publish name={one.name} plan={one.content as Plan} live={live.data} onClose={onClose} onDone={async () => { onClose(); await onDone(); }} />;
}
