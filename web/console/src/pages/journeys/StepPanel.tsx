import { ActionIcon, Alert, Badge, Button, Group, Select, Stack, Text, TextInput, Textarea, Title, Tooltip } from '@mantine/core';
import { IconCopy, IconTrash, IconX } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useSaid } from './Canvas';
import { type JourneyFull, type Problem, place } from './data';
import { Parts, type Setting } from './Form';
import { RULES, TRIGGER } from './graph';
import type { Names } from './names';
import { configured, connect, type Fields, type Plan, rename, type Step, ways } from './plan';
import { type Definitions, FIRST, WAITS, waiting } from './schema';
import { Here } from './People';

interface Held {
  name: string;
  plan: Plan;
  selected: string;
  definitions: Definitions;
  names: Names;
  problems: Problem[];
  editable: boolean;
  onChange: (plan: Plan, what?: string) => void;
  onSelect: (id: string | null) => void;
  onRemove: (id: string) => void;
  onDuplicate: (id: string) => void;
  live: JourneyFull | null;
  figures: Figures | null;
}
/** What the warehouse knows of the steps: how many came by, what came of it. */
export interface Figures { passed: Record<string, number>; ways: Record<string, { outcome: string; passed: number }[]>; ended: Record<string, number> }

/** What is selected on the canvas, to be configured. */
export function StepPanel(held: Held) {
  const { t } = useTranslation('journeys');
  const { selected, plan, onSelect } = held;
  const title = selected === TRIGGER ? t('canvas.trigger') : selected === RULES ? t('canvas.rules') : null;
  return (
    <Stack gap="md" className="panel" role="region" aria-label={t('panel.label')}>
      {title !== null && (
        <Group justify="space-between" wrap="nowrap"><Title order={2}>{title}</Title><Close onClick={() => onSelect(null)} /></Group>
      )}
      {selected === TRIGGER && <EntryForm {...held} />}
      {selected === RULES && <RulesForm {...held} />}
      {selected in plan.steps && <StepForm key={selected} {...held} />}
    </Stack>
  );
}

function Close({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation('journeys');
  return <ActionIcon variant="subtle" color="gray" onClick={onClick} aria-label={t('panel.close')}><IconX size={18} /></ActionIcon>;
}

export function settingOf({ definitions, names, plan, editable }: Pick<Held, 'definitions' | 'names' | 'plan' | 'editable'>, problems: Record<string, string>): Setting {
  return { defs: definitions.$defs, names, steps: Object.keys(plan.steps), problems, locked: !editable };
}

const said = (one: Problem): string => (one.suggestion === undefined || one.suggestion === '' ? one.message : `${one.message} — ${one.suggestion}`);

/** Problems by the field they stand at; what stands at no field is shown above. */
function atFields(problems: Problem[], steps: Record<string, unknown>, step: string | null): Record<string, string> {
  const found: Record<string, string> = {};
  for (const one of problems) {
    const where = place(one, steps);
    if (where.step === step && where.field !== '') found[where.field] = [found[where.field], said(one)].filter(Boolean).join('; ');
  }
  return found;
}

function Above({ problems }: { problems: Problem[] }) {
  return problems.map((one, index) => (
    <Alert key={index} color={one.severity === 'error' ? 'red' : 'yellow'} p="xs" title={one.message}>{one.suggestion}</Alert>
  ));
}

function StepForm({ name, plan, selected, definitions, names, problems, editable, onChange, onSelect, onRemove, onDuplicate, live, figures }: Held) {
  const { t, i18n } = useTranslation('journeys');
  const words = useSaid();
  const step = plan.steps[selected] as Step;
  const kind = definitions.steps.find((one) => one.tag === step.kind);
  const schema = definitions.$defs[kind?.schema ?? ''] ?? {};
  const mine = problems.filter((one) => place(one, plan.steps).step === selected);
  const setting = settingOf({ definitions, names, plan, editable }, atFields(problems, plan.steps, selected));
  const set = (made: Fields) => onChange(configured(plan, selected, made as Step), `step ${selected}`);
  const form = step.kind === 'wait' ? waiting(step) : null;
  const first = form === null ? FIRST[step.kind] : (WAITS[form]?.fields ?? []);
  const hidden = new Set(['next']);
  if (form !== null) for (const [other, one] of Object.entries(WAITS)) if (other !== form) for (const field of one.fields) if (WAITS[form]?.fields.includes(field) !== true) hidden.add(field);
  if (form === 'for' || form === 'at') hidden.delete('windows');
  const leading = ways(plan, selected);
  const passed = figures?.ways[selected] ?? [];
  const standing = (live?.versions ?? []).reduce((sum, version) => sum + Object.entries(version.standing).reduce((all, [id, runs]) => (id === selected || id.startsWith(`${selected}.`) ? all + runs : all), 0), 0);
  return (
    <>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Badge variant="light" color="gray">{i18n.exists(`journeys:kinds.${step.kind}`) ? t(`kinds.${step.kind}`) : step.kind}</Badge>
          <Title order={2} mt={4}>{step.title || selected.replaceAll('_', ' ')}</Title>
        </div>
        <Group gap={2} wrap="nowrap">
          {editable && <Tooltip label={t('panel.duplicate')}><ActionIcon variant="subtle" color="gray" aria-label={t('panel.duplicate')} onClick={() => onDuplicate(selected)}><IconCopy size={17} /></ActionIcon></Tooltip>}
          {editable && <Tooltip label={t('panel.delete')}><ActionIcon variant="subtle" color="red" aria-label={t('panel.delete')} onClick={() => onRemove(selected)}><IconTrash size={17} /></ActionIcon></Tooltip>}
          <Close onClick={() => onSelect(null)} />
        </Group>
      </Group>
      <Above problems={mine.filter((one) => place(one, plan.steps).field === '')} />
      {live !== null && <Here journey={name} step={selected} count={standing} figures={figures} />}
      {form !== null && (
        <Select
          label={t('panel.wait_form')} disabled={!editable} data={Object.keys(WAITS).map((value) => ({ value, label: t(`waits.${value}`) }))} value={form} allowDeselect={false}
          onChange={(other) => {
            if (other === null || other === form) return;
            const kept = Object.fromEntries(['kind', 'title', 'description', 'next', 'zone'].filter((field) => field in step).map((field) => [field, step[field]]));
            set({ ...kept, ...WAITS[other]?.begin });
          }}
        />
      )}
      <Parts schema={schema} value={step} onChange={set} setting={setting} first={first ?? []} hide={hidden} />
      {leading.length > 0 && (
        <Stack gap="xs">
          <Title order={3}>{t('panel.ways')}</Title>
          {leading.map((way) => (
            <Select
              key={way.field} size="sm" searchable disabled={!editable} label={words(way.label)} value={way.to} allowDeselect={false}
              data={[...Object.keys(plan.steps).map((id) => ({ value: id, label: plan.steps[id]?.title || id.replaceAll('_', ' ') })), { value: 'exit', label: t('form.end') }]}
              onChange={(to) => to !== null && onChange(connect(plan, selected, [way.field], to))}
            />
          ))}
        </Stack>
      )}
      {passed.length > 0 && (
        <Stack gap={2}>
          <Title order={3}>{t('panel.came')}</Title>
          {passed.map((one) => <Group key={one.outcome} justify="space-between"><Text size="sm">{one.outcome.replaceAll('_', ' ') || t('said.next')}</Text><Text size="sm" className="numbers">{one.passed.toLocaleString()}</Text></Group>)}
        </Stack>
      )}
      <Names step={step} id={selected} editable={editable} onRename={(to) => { onChange(rename(plan, selected, to)); onSelect(to); }} onChange={set} taken={plan.steps} />
    </>
  );
}

/** What a step is called by people, and by the plan. */
function Names({ step, id, editable, onRename, onChange, taken }: { step: Step; id: string; editable: boolean; onRename: (to: string) => void; onChange: (step: Fields) => void; taken: Record<string, unknown> }) {
  const { t } = useTranslation('journeys');
  const [given, setGiven] = useState(id);
  const bad = given !== id && (given in taken || !/^[a-z][a-z0-9_]*$/.test(given) || given === 'exit');
  return (
    <Stack gap="sm">
      <Title order={3}>{t('panel.names')}</Title>
      <TextInput label={t('fields.title')} disabled={!editable} value={step.title ?? ''} onChange={(event) => onChange({ ...step, title: event.currentTarget.value || undefined })} />
      <Textarea label={t('fields.description')} autosize disabled={!editable} value={step.description ?? ''} onChange={(event) => onChange({ ...step, description: event.currentTarget.value || undefined })} />
      <Group align="flex-end" wrap="nowrap">
        <TextInput label={t('panel.id')} description={t('panel.id_help')} disabled={!editable} value={given} error={bad ? t('panel.id_bad') : undefined} onChange={(event) => setGiven(event.currentTarget.value)} style={{ flex: 1 }} />
        {given !== id && !bad && <Button variant="default" onClick={() => onRename(given)}>{t('panel.rename')}</Button>}
      </Group>
    </Stack>
  );
}

const ENTRY = ['audience', 're_entry'];
const OUTSIDE = new Set(['steps', 'triggers', 'exits', 'goals', 'state', 'shadow_of', 'meta', 'title', 'description']);

/** Who comes in. */
function EntryForm({ plan, definitions, names, problems, editable, onChange }: Held) {
  const { t, i18n } = useTranslation('journeys');
  const fields = atFields(problems, plan.steps, null);
  const setting = settingOf({ definitions, names, plan, editable }, fields);
  const set = (triggers: Fields[]) => onChange({ ...plan, triggers }, 'triggers');
  const label = (tag: string, title: string): string => (i18n.exists(`journeys:triggers.${tag}`) ? t(`triggers.${tag}`) : title);
  const above = problems.filter((one) => { const at = place(one, plan.steps); return at.step === null && (at.field === '' || at.field === 'triggers' || at.field === 'steps'); });
  return (
    <>
      <Above problems={above} />
      <TextInput label={t('panel.journey_title')} disabled={!editable} value={plan.title ?? ''} onChange={(event) => onChange({ ...plan, title: event.currentTarget.value }, 'title')} />
      <Textarea label={t('fields.description')} disabled={!editable} autosize value={String(plan.description ?? '')} onChange={(event) => onChange({ ...plan, description: event.currentTarget.value }, 'description')} />
      {plan.triggers.map((trigger, index) => {
        const kind = definitions.triggers.find((one) => one.tag === trigger.kind);
        const schema = definitions.$defs[kind?.schema ?? ''] ?? {};
        return (
          <Stack key={index} gap="xs" className="part">
            <Group justify="space-between" wrap="nowrap" align="flex-end">
              <Select
                style={{ flex: 1 }} label={t('panel.starts')} disabled={!editable} allowDeselect={false} value={String(trigger.kind)} data={definitions.triggers.map((one) => ({ value: one.tag, label: label(one.tag, one.title) }))}
                onChange={(tag) => tag !== null && set(plan.triggers.with(index, begin(tag)))}
              />
              {editable && <ActionIcon variant="subtle" color="gray" mb={4} aria-label={t('form.remove', { name: label(String(trigger.kind), '') })} onClick={() => set(plan.triggers.toSpliced(index, 1))}><IconTrash size={16} /></ActionIcon>}
            </Group>
            <Parts schema={schema} value={trigger} first={schema.required ?? []} onChange={(made) => set(plan.triggers.with(index, made))} setting={setting} path={`triggers.${index}.`} />
          </Stack>
        );
      })}
      {editable && (
        <Select
          label={t('panel.add_trigger')} placeholder={t('panel.pick')} value={null} data={definitions.triggers.map((one) => ({ value: one.tag, label: label(one.tag, one.title) }))}
          onChange={(tag) => tag !== null && set([...plan.triggers, begin(tag)])}
        />
      )}
      <Title order={3}>{t('panel.who')}</Title>
      <Parts schema={definitions.$defs.Journey ?? {}} value={plan} first={ENTRY} hide={OUTSIDE} onChange={(made) => onChange(made as Plan, 'entry')} setting={setting} />
    </>
  );
}

const begin = (tag: string): Fields => ({
  event: { kind: tag, event: '' }, business: { kind: tag, event: '' }, segment: { kind: tag, segment: '' }, stage: { kind: tag, lifecycle: '', stage: '' },
  condition: { kind: tag, when: '' }, score: { kind: tag, score: '' }, trait: { kind: tag, trait: '' }, date: { kind: tag, date: '' }, schedule: { kind: tag, rrule: 'FREQ=WEEKLY;BYDAY=MO' },
}[tag] ?? { kind: tag });

const RULED = new Set(['exits', 'goals']);

/** What the journey is for, and what ends it. */
function RulesForm({ plan, definitions, names, problems, editable, onChange }: Held): ReactNode {
  const { t } = useTranslation('journeys');
  const journey = definitions.$defs.Journey ?? {};
  const setting = settingOf({ definitions, names, plan, editable }, atFields(problems, plan.steps, null));
  const schema = { ...journey, properties: Object.fromEntries(Object.entries(journey.properties ?? {}).filter(([field]) => RULED.has(field)).reverse()), required: [] };
  return (
    <>
      <Text size="sm" c="dimmed">{t('panel.rules_help')}</Text>
      <Parts schema={schema} value={plan} onChange={(made) => onChange(made as Plan, 'rules')} setting={setting} />
    </>
  );
}
