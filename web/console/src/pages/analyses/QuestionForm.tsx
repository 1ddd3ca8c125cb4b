import { Autocomplete, Button, Collapse, JsonInput, NumberInput, Select, SimpleGrid, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { DateInput } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Names, useNames } from '../journeys/names';
import type { Analysis, Fields, Schema } from './data';
import { fieldsOf } from './data';
import { title } from './values';

const EVENTS = new Set(['event', 'events', 'steps', 'start', 'back', 'active', 'anchor', 'conversion', 'outcome', 'churned', 'milestones', 'without', 'stay_events', 'convert', 'leave_out', 'paid', 'renewed', 'lost', 'survey', 'invited', 'joined', 'shared', 'clicked']);
const OBJECTS: Record<string, string> = { journey: 'journey', score: 'score', lifecycle: 'lifecycle', template: 'template', message: 'template' };
const DATES = new Set(['since', 'until', 'calibration_end']);
/** What most questions are asked with; the rest is behind "more". */
const FIRST = new Set(['event', 'events', 'steps', 'start', 'back', 'anchor', 'journey', 'score', 'lifecycle', 'stages', 'unit', 'by', 'breakdown', 'since', 'until', 'within', 'order', 'kind', 'every', 'conversion', 'outcome', 'measure', 'direction', 'of', 'save']);

/** A form made of a question's own types: what is left empty keeps the default of the analysis. */
export function QuestionForm({ analysis, fields, onChange }: { analysis: Analysis; fields: Fields; onChange: (fields: Fields) => void }) {
  const { t } = useTranslation('analyses');
  const names = useNames();
  const [open, setOpen] = useState(false);
  const [held, setHeld] = useState(fields);
  useEffect(() => setHeld(fields), [fields]);
  const { fields: all, required } = fieldsOf(analysis);
  const change = (name: string, value: unknown) => {
    const next = { ...held };
    if (value === undefined || value === '' || value === null || (Array.isArray(value) && value.length === 0)) delete next[name];
    else next[name] = value;
    setHeld(next);
  };
  const changed = JSON.stringify(held) !== JSON.stringify(fields);
  const shown = (name: string) => FIRST.has(name) || required.includes(name);
  const field = ([name, schema]: [string, Schema]) => (
    <Field key={name} name={name} schema={schema} value={held[name]} required={required.includes(name)} names={names} onChange={(value) => change(name, value)} />
  );
  const rest = all.filter(([name]) => !shown(name));
  return (
    <form onSubmit={(event) => { event.preventDefault(); onChange(held); }}>
      <Stack gap="sm">
        {all.filter(([name]) => shown(name)).map(field)}
        {rest.length > 0 && <Button variant="subtle" size="xs" onClick={() => setOpen(!open)} aria-expanded={open}>{t(open ? 'fewer' : 'more_fields', { count: rest.length })}</Button>}
        <Collapse expanded={open}><Stack gap="sm">{rest.map(field)}</Stack></Collapse>
        <SimpleGrid cols={1}><Button type="submit" disabled={!changed}>{t('ask')}</Button></SimpleGrid>
      </Stack>
    </form>
  );
}

function Field(
  { name, schema, value, required, names, onChange }:
  { name: string; schema: Schema; value: unknown; required: boolean; names: Names; onChange: (value: unknown) => void },
) {
  const { t } = useTranslation('analyses');
  const label = t(`fields.${name}`, { defaultValue: title(name) });
  const given = schema.default === undefined || schema.default === '' || schema.default === null ? '' : t('default', { value: String(schema.default) });
  const common = { label, required, size: 'sm' as const };
  const known = EVENTS.has(name) ? names.event : OBJECTS[name] === undefined ? undefined : names[OBJECTS[name]];
  const choices = schema.enum ?? schema.anyOf?.find((one) => one.enum !== undefined)?.enum;
  if (choices !== undefined) {
    const data = choices.filter((one) => one !== null).map((one) => ({ value: one, label: t(`choices.${one}`, { defaultValue: title(one) }) }));
    return <Select {...common} data={data} value={(value as string | undefined) ?? String(schema.default ?? '')} onChange={(one) => onChange(one === schema.default ? undefined : one)} allowDeselect={false} comboboxProps={{ withinPortal: true }} />;
  }
  const type = schema.type ?? schema.anyOf?.map((one) => one.type).find((one) => one !== 'null');
  if (type === 'boolean') return <Switch label={label} checked={(value as boolean | undefined) ?? schema.default === true} onChange={(event) => onChange(event.currentTarget.checked === schema.default ? undefined : event.currentTarget.checked)} />;
  if (type === 'number' || type === 'integer') {
    return <NumberInput {...common} placeholder={given} value={(value as number | undefined) ?? ''} allowDecimal={type === 'number'} onChange={(one) => onChange(one === '' ? undefined : Number(one))} />;
  }
  if (type === 'array') {
    const items = schema.items ?? schema.anyOf?.find((one) => one.type === 'array')?.items;
    const plain = items?.type === 'string';
    if (!plain && items?.type !== 'number' && items?.type !== 'integer') {
      return <JsonInput {...common} description={given} autosize minRows={2} validationError={t('not_json')} value={value === undefined ? '' : JSON.stringify(value)} onChange={(one) => { try { onChange(one === '' ? undefined : JSON.parse(one)); } catch { /* shown by the field until it can be read */ } }} />;
    }
    return <TagsInput {...common} placeholder={(value as unknown[] | undefined)?.length ? undefined : t('add')} data={known ?? []} value={((value as unknown[] | undefined) ?? []).map(String)} onChange={(one) => onChange(plain ? one : one.map(Number).filter((number) => !Number.isNaN(number)))} clearable />;
  }
  if (DATES.has(name)) return <DateInput {...common} clearable placeholder={t('any_time')} value={(value as string | undefined)?.slice(0, 10) ?? null} onChange={(one) => onChange(one ?? undefined)} valueFormat="YYYY-MM-DD" />;
  if (known !== undefined) return <Autocomplete {...common} placeholder={given} data={known} value={(value as string | undefined) ?? ''} onChange={onChange} limit={30} />;
  return <TextInput {...common} placeholder={given} value={(value as string | undefined) ?? ''} onChange={(event) => onChange(event.currentTarget.value)} />;
}
