import { Autocomplete, Stack, Textarea } from '@mantine/core';
import { type ReactNode, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { conditionText } from './plan';

/** A condition as an expression, with the names that may stand in it to be put in where the caret is. */
export function ConditionInput(
  { value, onChange, names, label, description, error, withAsterisk, disabled }:
  { value: unknown; onChange: (value: string | undefined) => void; names: string[]; label: ReactNode; description?: ReactNode; error?: ReactNode; withAsterisk?: boolean; disabled?: boolean },
) {
  const { t } = useTranslation('journeys');
  const field = useRef<HTMLTextAreaElement>(null);
  const [sought, setSought] = useState('');
  const text = conditionText(value);
  const put = (name: string) => {
    const at = field.current?.selectionStart ?? text.length;
    const before = text.slice(0, at);
    const made = `${before}${before === '' || before.endsWith(' ') || before.endsWith('(') ? '' : ' '}${name} ${text.slice(at)}`.trimEnd();
    onChange(made);
    setSought('');
    field.current?.focus();
  };
  return (
    <Stack gap={4}>
      <Textarea
        ref={field} label={label} description={description} error={error} withAsterisk={withAsterisk} disabled={disabled} autosize minRows={1} maxRows={6}
        value={text} onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
        placeholder={t('form.condition')} spellCheck={false} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      {disabled !== true && (
        <Autocomplete size="xs" aria-label={t('form.insert')} placeholder={t('form.insert')} data={names} limit={40} value={sought} onChange={setSought} onOptionSubmit={put} />
      )}
    </Stack>
  );
}
