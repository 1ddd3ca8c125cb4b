import { Button, type ButtonProps, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Problem } from '../shell/Broken';

/** A button that asks first. With `type`, that text has to be typed before it does anything. */
export function ConfirmButton(
  { label, question, confirm, type, onConfirm, children, ...look }:
  { label: ReactNode; question: string; confirm: string; type?: string; onConfirm: () => Promise<unknown>; children?: ReactNode } & ButtonProps,
) {
  const { t } = useTranslation();
  const [opened, shown] = useDisclosure();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const act = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      await onConfirm();
      shown.close();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button {...look} onClick={() => { setTyped(''); setFailed(undefined); shown.open(); }}>{label}</Button>
      <Modal opened={opened} onClose={shown.close} title={question} centered closeButtonProps={{ 'aria-label': t('parts.close') }}>
        <Stack>
          {children !== undefined && <Text size="sm" component="div">{children}</Text>}
          {failed !== undefined && <Problem error={failed} />}
          {type !== undefined && <TextInput label={type} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} data-autofocus />}
          <Group justify="flex-end">
            <Button variant="default" onClick={shown.close}>{t('parts.cancel')}</Button>
            <Button color="red" loading={busy} disabled={type !== undefined && typed.trim() !== type} onClick={() => void act()}>{confirm}</Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
