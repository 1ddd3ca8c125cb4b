import { ActionIcon, Button, Group, Menu, Modal, Radio, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconArchive, IconDots, IconFlagCheck, IconPlayerPause, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Problem } from '../../shell/Broken';
import { at, type JourneyFull } from './data';

type Act = 'pause' | 'finish' | 'resume' | 'archive' | 'discard';

/** What one does to a journey that is there: pause, let finish, resume, archive; and give up its draft. */
export function Steering({ name, live, drafted, onDiscard }: { name: string; live: JourneyFull | null; drafted: boolean; onDiscard: () => Promise<void> }) {
  const { t } = useTranslation('journeys');
  const may = useMay('publisher');
  const edits = useMay('editor');
  const [act, setAct] = useState<Act | null>(null);
  const running = live?.state === 'published' || live?.state === 'shadow';
  const paused = live?.state === 'paused';
  if (!edits || (live === null && !drafted)) return null;
  return (
    <>
      <Menu position="bottom-end" width={240}>
        <Menu.Target><ActionIcon variant="default" size="lg" aria-label={t('steer.menu')}><IconDots size={18} /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          {may && running && <Menu.Item leftSection={<IconPlayerPause size={16} aria-hidden />} onClick={() => setAct('pause')}>{t('steer.pause')}</Menu.Item>}
          {may && running && <Menu.Item leftSection={<IconFlagCheck size={16} aria-hidden />} onClick={() => setAct('finish')}>{t('steer.finish')}</Menu.Item>}
          {may && paused && <Menu.Item leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => setAct('resume')}>{t('steer.resume')}</Menu.Item>}
          {may && (running || paused) && <Menu.Item color="red" leftSection={<IconArchive size={16} aria-hidden />} onClick={() => setAct('archive')}>{t('steer.archive')}</Menu.Item>}
          {drafted && <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setAct('discard')}>{t('steer.discard')}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {act !== null && <Sure act={act} name={name} live={live} onClose={() => setAct(null)} onDiscard={onDiscard} />}
    </>
  );
}

function Sure({ act, name, live, onClose, onDiscard }: { act: Act; name: string; live: JourneyFull | null; onClose: () => void; onDiscard: () => Promise<void> }) {
  const { t } = useTranslation('journeys');
  const client = useQueryClient();
  const [clock, setClock] = useState('freeze');
  const [entries, setEntries] = useState('queue');
  const [spread, setSpread] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const go = async () => {
    setBusy(true);
    try {
      if (act === 'discard') await onDiscard();
      else if (act === 'archive') await call('POST', `${at(name)}/archive`);
      else if (act === 'resume') await call('POST', `${at(name)}/resume`, spread === '' ? {} : { spread });
      else await call('POST', `${at(name)}/pause`, { clock, entries, finish: act === 'finish' });
      await client.invalidateQueries({ queryKey: ['journey', name] });
      await client.invalidateQueries({ queryKey: ['journeys'] });
      notifications.show({ message: t(`steer.done.${act}`) });
      onClose();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal closeButtonProps={{ 'aria-label': t('common:parts.close') }} opened onClose={onClose} title={t(`steer.${act}`)}>
      <Stack>
        <Text size="sm">{t(`steer.why.${act}`, { count: live?.running ?? 0 })}</Text>
        {act === 'pause' && (
          <Radio.Group label={t('steer.clock')} value={clock} onChange={setClock}>
            <Stack gap={6} mt={6}><Radio value="freeze" label={t('steer.freeze')} /><Radio value="run" label={t('steer.run')} /></Stack>
          </Radio.Group>
        )}
        {(act === 'pause' || act === 'finish') && (
          <Radio.Group label={t('steer.entries')} value={entries} onChange={setEntries}>
            <Stack gap={6} mt={6}><Radio value="queue" label={t('steer.queue')} /><Radio value="drop" label={t('steer.drop')} /></Stack>
          </Radio.Group>
        )}
        {act === 'resume' && <TextInput label={t('steer.spread')} description={t('steer.spread_help', { count: live?.pause?.waiting ?? 0 })} placeholder="2h" value={spread} onChange={(event) => setSpread(event.currentTarget.value)} />}
        {failed !== undefined && <Problem error={failed} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('publish.cancel')}</Button><Button color={act === 'archive' || act === 'discard' ? 'red' : undefined} loading={busy} onClick={() => void go()}>{t(`steer.${act}`)}</Button></Group>
      </Stack>
    </Modal>
  );
}
