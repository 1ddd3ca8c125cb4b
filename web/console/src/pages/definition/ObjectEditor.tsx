import { Button, Group, Stack, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMay } from '../../api/session';
import { Problem } from '../../shell/Broken';
import { Troubles } from './DraftBar';
import { type Held, useDraft } from './objects';

/** An object as JSON, for what a form does not show; written into the draft of its file. */
export function ObjectEditor({ held, rows = 14 }: { held: Held; rows?: number }) {
  const { t } = useTranslation('definition');
  const may = useMay('editor');
  const draft = useDraft(held.section, held.name);
  const said = JSON.stringify(held.drafted ?? held.current ?? {}, null, 2);
  const [text, setText] = useState(said);
  const [wrong, setWrong] = useState('');
  useEffect(() => setText(said), [said]);
  const save = () => {
    try {
      const object = JSON.parse(text) as Record<string, unknown>;
      setWrong('');
      draft.mutate({ object, revision: held.revision }, { onSuccess: () => notifications.show({ message: t('drafted') }) });
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Stack gap="xs">
      <Textarea label={t('as_json')} value={text} onChange={(event) => setText(event.currentTarget.value)} autosize minRows={rows} maxRows={30} error={wrong} readOnly={!may} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }} spellCheck={false} />
      {draft.isError && <Problem error={draft.error} />}
      {draft.data !== undefined && <Troubles found={draft.data.problems} />}
      <Group justify="flex-end"><Button size="xs" variant="default" onClick={save} disabled={!may || text === said} loading={draft.isPending}>{t('save')}</Button></Group>
    </Stack>
  );
}
