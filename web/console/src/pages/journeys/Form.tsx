import {
  ActionIcon, Autocomplete, Button, Collapse, Fieldset, Group, JsonInput, MultiSelect, NumberInput, Select, Stack,
  Switch, TagsInput, Text, TextInput, Tooltip, UnstyledButton,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight, IconPlus, IconTrash } from '@tabler/icons-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ConditionInput } from './ConditionInput';
import type { Names } from './names';
import type { Fields } from './plan';
import { type Schema, shape } from './schema';

/** What every field of a form knows: the parts by name, the names there are, the steps one can go to, what is wrong. */
export interface Setting {
  defs: Record<string, Schema>;
  names: Names;
  steps: string[];
  problems: Record<string, string>;
  locked: boolean;
}

const TARGETS = new Set(['next', 'go', 'else', 'on_timeout', 'saved', 'lost']);
const HIDDEN = new Set(['kind', 'title', 'description', 'meta']);

/** Fields of a part of a journey, from its JSON Schema. `first` are shown, the others are folded away until they hold
 * something. */
export function Parts(
  { schema, value, onChange, setting, path = '', first, hide }:
  { schema: Schema; value: Fields; onChange: (value: Fields) => void; setting: Setting; path?: string; first?: string[]; hide?: Set<string> },
) {
  const { t } = useTranslation('journeys');
  const [open, more] = useDisclosure();
  const fields = Object.keys(schema.properties ?? {}).filter((name) => !HIDDEN.has(name) && hide?.has(name) !== true);
  const set = (name: string, held: unknown) => {
    const made = { ...value };
    if (held === undefined) delete made[name];
    else made[name] = held;
    onChange(made);
  };
  const shown = first === undefined ? fields : [...first.filter((name) => fields.includes(name)), ...fields.filter((name) => !first.includes(name) && (holds(value[name]) || `${path}${name}` in setting.problems))];
  const rest = fields.filter((name) => !shown.includes(name));
  const field = (name: string) => (
    <Field
      key={name} name={name} schema={schema.properties?.[name] ?? {}} value={value[name]} required={schema.required?.includes(name) === true}
      onChange={(held) => set(name, held)} setting={setting} path={`${path}${name}`}
    />
  );
  return (
    <Stack gap="sm">
      {shown.map(field)}
      {rest.length > 0 && (
        <>
          <UnstyledButton onClick={more.toggle} aria-expanded={open}>
            <Group gap={4}>{open ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}<Text size="sm" c="dimmed">{t('form.more', { count: rest.length })}</Text></Group>
          </UnstyledButton>
          <Collapse expanded={open}><Stack gap="sm">{open && rest.map(field)}</Stack></Collapse>
        </>
      )}
    </Stack>
  );
}

const holds = (value: unknown): boolean =>
  !(value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0)
    || (typeof value === 'object' && Object.keys(value).length === 0));

/** The problems that stand at a field or inside it. */
function wrong(setting: Setting, path: string): string | undefined {
  return setting.problems[path];
}

function Field(
  { name, schema, value, onChange, setting, path, required }:
  { name: string; schema: Schema; value: unknown; onChange: (value: unknown) => void; setting: Setting; path: string; required: boolean },
) {
  const { t, i18n } = useTranslation('journeys');
  const label = i18n.exists(`journeys:fields.${name}`) ? t(`fields.${name}`) : name.replaceAll('_', ' ');
  const help = i18n.exists(`journeys:help.${name}`) ? t(`help.${name}`) : schema.description?.replaceAll('``', '');
  const common = { label, description: help, error: wrong(setting, path), withAsterisk: required, disabled: setting.locked, size: 'sm' as const };
  const held = useMemo(() => shape(schema, setting.defs), [schema, setting.defs]);
  const written = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  const text = (given: string) => onChange(given === '' ? (required ? '' : undefined) : given);
  const known = setting.names[name === 'audience' || name === 'suppressed_by' ? '' : name] ?? [];
  if (TARGETS.has(name) || (name === 'past')) {
    return <Target {...common} value={written} steps={setting.steps} onChange={text} past={name === 'past'} required={required} />;
  }
  switch (held.is) {
    case 'condition':
      return <ConditionInput {...common} value={value} onChange={onChange} names={setting.names.condition ?? []} />;
    case 'choice':
      return <Select {...common} data={held.of.map((one) => ({ value: one, label: option(t, i18n, name, one) }))} value={written || String(schema.default ?? '') || null} onChange={(one) => onChange(one ?? undefined)} clearable={!required && schema.default === undefined} clearButtonProps={{ 'aria-label': t('common:parts.clear') }} />;
    case 'number':
      return <NumberInput {...common} value={typeof value === 'number' ? value : ''} placeholder={String(schema.default ?? '')} onChange={(one) => onChange(typeof one === 'number' ? one : undefined)} />;
    case 'boolean':
      return <Switch {...common} checked={value === undefined ? schema.default === true : value === true} onChange={(event) => onChange(event.currentTarget.checked === schema.default ? undefined : event.currentTarget.checked)} />;
    case 'names': {
      const many = Array.isArray(value) ? value.map(String) : written === '' ? [] : [written];
      return (
        <TagsInput
          {...common} data={known} value={many} placeholder={many.length === 0 ? t('form.names') : ''} acceptValueOnBlur
          onChange={(given) => onChange(given.length === 0 ? (required ? '' : undefined) : held.one && given.length === 1 ? given[0] : given)}
        />
      );
    }
    case 'choices':
      return <MultiSelect {...common} data={held.of.map((one) => ({ value: one, label: option(t, i18n, name, one) }))} value={Array.isArray(value) ? value.map(String) : []} onChange={(given) => onChange(given.length === 0 ? undefined : given)} />;
    case 'parts':
      return <Listed {...common} part={held.part} value={Array.isArray(value) ? (value as Fields[]) : []} onChange={onChange} setting={setting} path={path} />;
    case 'part':
      return <Part {...common} part={held.part} value={value as Fields | undefined | null} onChange={onChange} setting={setting} path={path} />;
    case 'either': {
      const inside = value !== null && typeof value === 'object';
      return (
        <Stack gap="xs">
          <Select
            {...common} data={[...held.of.map((one) => ({ value: one, label: option(t, i18n, name, one) })), { value: '…', label: t('form.detailed') }]}
            value={inside ? '…' : written || String(schema.default ?? '')} onChange={(one) => onChange(one === '…' ? {} : (one ?? undefined))}
          />
          {inside && <Parts schema={held.part} value={value as Fields} onChange={onChange} setting={setting} path={`${path}.`} />}
        </Stack>
      );
    }
    case 'map':
      return <Mapped {...common} part={held.part} value={(value ?? {}) as Record<string, Fields>} onChange={onChange} setting={setting} path={path} />;
    case 'texts':
      return <Ways {...common} name={name} value={(value ?? {}) as Record<string, string>} onChange={onChange} setting={setting} path={path} />;
    case 'free':
      return <Free {...common} value={value} onChange={onChange} />;
    default:
      return known.length > 0
        ? <Autocomplete {...common} data={known} value={written} onChange={text} limit={50} />
        : <TextInput {...common} value={written} placeholder={placeholder(name, schema)} onChange={(event) => text(event.currentTarget.value)} />;
  }
}

function option(t: (key: string) => string, i18n: { exists: (key: string) => boolean }, name: string, value: string): string {
  for (const key of [`options.${name}.${value}`, `options.${value}`]) if (i18n.exists(`journeys:${key}`)) return t(key);
  return value.replaceAll('_', ' ');
}

const EXAMPLES: Record<string, string> = { for: '3d', at: '09:00', timeout: '3d', within: '30d', offset: '-7d', ttl: '24h', pace: '1000/1h', jitter: '30min', rrule: 'FREQ=WEEKLY;BYDAY=MO', entries: '3 per 30d', rate: '500 per 1h' };
const placeholder = (name: string, schema: Schema): string => (typeof schema.default === 'string' && schema.default !== '' ? schema.default : (EXAMPLES[name] ?? ''));

type Common = { label: ReactNode; description?: ReactNode; error?: ReactNode; withAsterisk?: boolean; disabled?: boolean; size?: 'sm' };

/** The step that something leads to. */
function Target({ value, steps, onChange, past, required, ...common }: Common & { value: string; steps: string[]; onChange: (value: string) => void; past: boolean; required: boolean }) {
  const { t } = useTranslation('journeys');
  const data = [...(past ? [{ value: 'skip', label: t('form.skip') }] : []), ...steps.map((one) => ({ value: one, label: one })), { value: 'exit', label: t('form.end') }];
  if (value !== '' && !data.some((one) => one.value === value)) data.push({ value, label: value });
  return <Select {...common} searchable data={data} value={value || null} placeholder={t('form.after')} clearable={!required} clearButtonProps={{ 'aria-label': t('common:parts.clear') }} onChange={(one) => onChange(one ?? '')} />;
}

/** Parts in an order. */
function Listed({ part, value, onChange, setting, path, label, description, error, disabled }: Common & { part: Schema; value: Fields[]; onChange: (value: Fields[] | undefined) => void; setting: Setting; path: string }) {
  const { t } = useTranslation('journeys');
  const change = (made: Fields[]) => onChange(made.length === 0 ? undefined : made);
  return (
    <Fieldset legend={label} p="xs" disabled={disabled}>
      <Stack gap="sm">
        {description !== undefined && <Text size="xs" c="dimmed">{description}</Text>}
        {error !== undefined && <Text size="xs" c="var(--mantine-color-error)">{error}</Text>}
        {value.map((one, place) => (
          <Group key={place} align="flex-start" wrap="nowrap" gap="xs">
            <div style={{ flex: 1, minWidth: 0 }}>
              <Parts schema={part} value={one} first={part.required ?? firstOf(part)} onChange={(held) => change(value.with(place, held))} setting={setting} path={`${path}.${place}.`} />
            </div>
            <Remove onClick={() => change(value.toSpliced(place, 1))} name={`${place + 1}`} />
          </Group>
        ))}
        <Group><Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => change([...value, begin(part)])}>{t('form.add')}</Button></Group>
      </Stack>
    </Fieldset>
  );
}

/** The fields by which a part is usually told: an event or condition and where it leads. */
const firstOf = (part: Schema): string[] => ['event', 'when', 'go', 'name', 'days', 'from', 'to', 'reason'].filter((name) => name in (part.properties ?? {}));
const begin = (part: Schema): Fields => Object.fromEntries((part.required ?? []).map((name) => [name, name === 'go' ? 'exit' : part.properties?.[name]?.type === 'number' ? 0 : '']));

function Remove({ onClick, name }: { onClick: () => void; name: string }) {
  const { t } = useTranslation('journeys');
  const label = t('form.remove', { name });
  return <Tooltip label={label}><ActionIcon variant="subtle" color="gray" aria-label={label} onClick={onClick}><IconTrash size={16} /></ActionIcon></Tooltip>;
}

/** A part that may be there. */
function Part({ part, value, onChange, setting, path, label, description, error, disabled }: Common & { part: Schema; value: Fields | undefined | null; onChange: (value: Fields | undefined) => void; setting: Setting; path: string }) {
  const there = value !== undefined && value !== null;
  return (
    <Fieldset p="xs" legend={label} disabled={disabled}>
      <Stack gap="xs">
        <Switch size="sm" label={description ?? label} error={error} checked={there} onChange={(event) => onChange(event.currentTarget.checked ? begin(part) : undefined)} />
        {there && <Parts schema={part} value={value} onChange={onChange} setting={setting} path={`${path}.`} />}
      </Stack>
    </Fieldset>
  );
}

/** Parts by name. */
function Mapped({ part, value, onChange, setting, path, label, description, error, disabled }: Common & { part: Schema; value: Record<string, Fields>; onChange: (value: Record<string, Fields>) => void; setting: Setting; path: string }) {
  const { t } = useTranslation('journeys');
  const [fresh, setFresh] = useState('');
  const add = () => {
    if (fresh.trim() === '' || fresh in value) return;
    onChange({ ...value, [fresh.trim()]: begin(part) });
    setFresh('');
  };
  return (
    <Fieldset legend={label} p="xs" disabled={disabled}>
      <Stack gap="sm">
        {description !== undefined && <Text size="xs" c="dimmed">{description}</Text>}
        {error !== undefined && <Text size="xs" c="var(--mantine-color-error)">{error}</Text>}
        {Object.entries(value).map(([name, one]) => (
          <Group key={name} align="flex-start" wrap="nowrap" gap="xs">
            <Stack gap={4} style={{ flex: 1, minWidth: 0 }}>
              <Text size="sm" fw={600}>{name}</Text>
              <Parts schema={part} value={one} first={[...(part.required ?? firstOf(part)), 'go']} onChange={(held) => onChange({ ...value, [name]: held })} setting={setting} path={`${path}.${name}.`} />
            </Stack>
            <Remove name={name} onClick={() => onChange(Object.fromEntries(Object.entries(value).filter(([each]) => each !== name)))} />
          </Group>
        ))}
        <Group gap="xs" align="flex-end" wrap="nowrap">
          <TextInput size="xs" label={t('form.name')} value={fresh} onChange={(event) => setFresh(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === 'Enter') { event.preventDefault(); add(); } }} style={{ flex: 1 }} />
          <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={add}>{t('form.add')}</Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}

const OUTCOMES = ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'failed', 'complained', 'no_consent', 'suppressed', 'unreachable', 'capped', 'quiet', 'expired', 'held_out', 'outranked', 'topic', 'conflict', 'gap', 'undeliverable', 'render_error', 'saved', 'not_saved', 'false_alarm', 'timeout'];

/** Texts by name; of `on`, steps by outcome. */
function Ways({ name, value, onChange, setting, path, label, description, error, disabled }: Common & { name: string; value: Record<string, string>; onChange: (value: Record<string, string> | undefined) => void; setting: Setting; path: string }) {
  const { t, i18n } = useTranslation('journeys');
  const steps = name === 'on';
  const change = (made: Record<string, string>) => onChange(Object.keys(made).length === 0 ? undefined : made);
  const free = OUTCOMES.filter((one) => !(one in value)).map((one) => ({ value: one, label: option(t, i18n, 'on', one) }));
  const [fresh, setFresh] = useState('');
  return (
    <Fieldset legend={label} p="xs" disabled={disabled}>
      <Stack gap="xs">
        {description !== undefined && <Text size="xs" c="dimmed">{description}</Text>}
        {error !== undefined && <Text size="xs" c="var(--mantine-color-error)">{error}</Text>}
        {Object.entries(value).map(([key, held]) => (
          <Group key={key} gap="xs" wrap="nowrap" align="flex-end">
            <div style={{ flex: 1 }}>
              {steps
                ? <Target label={option(t, i18n, 'on', key)} error={wrong(setting, `${path}.${key}`)} value={held} steps={setting.steps} past={false} required onChange={(one) => change({ ...value, [key]: one })} />
                : <TextInput label={key} value={held} onChange={(event) => change({ ...value, [key]: event.currentTarget.value })} />}
            </div>
            <Remove name={key} onClick={() => change(Object.fromEntries(Object.entries(value).filter(([each]) => each !== key)))} />
          </Group>
        ))}
        {steps
          ? <Select size="xs" label={t('form.outcome')} placeholder={t('form.outcome_add')} data={free} searchable value={null} onChange={(one) => one !== null && change({ ...value, [one]: 'exit' })} />
          : (
            <Group gap="xs" align="flex-end">
              <TextInput size="xs" label={t('form.name')} value={fresh} onChange={(event) => setFresh(event.currentTarget.value)} />
              <Button size="xs" variant="default" onClick={() => { if (fresh !== '') { change({ ...value, [fresh]: '' }); setFresh(''); } }}>{t('form.add')}</Button>
            </Group>
          )}
      </Stack>
    </Fieldset>
  );
}

/** Anything, as JSON; taken over once it can be read. */
function Free({ value, onChange, ...common }: Common & { value: unknown; onChange: (value: unknown) => void }) {
  const [text, setText] = useState(value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0) ? '' : JSON.stringify(value, null, 2));
  const take = (given: string) => {
    setText(given);
    if (given.trim() === '') return onChange(undefined);
    try {
      onChange(JSON.parse(given));
    } catch {
      // Not yet: its author is still writing.
    }
  };
  return <JsonInput {...common} value={text} onChange={take} autosize minRows={2} formatOnBlur placeholder='{"name": "value"}' />;
}
