import { Alert, Anchor, Badge, Breadcrumbs, Button, Card, Code, Grid, Group, List, SegmentedControl, Stack, Text, Textarea, TextInput, useComputedColorScheme } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconMail, IconSend } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { call } from '../../api/client';
import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { Problem } from '../../shell/Broken';
import { DraftBar, Troubles } from '../definition/DraftBar';
import { ObjectEditor } from '../definition/ObjectEditor';
import { type Held, useDraft, useObject } from '../definition/objects';
import { PersonPicker } from './PersonPicker';

/** Texts in which people write, in the order in which they are read. */
const TEXTS = ['subject', 'preheader', 'title', 'body', 'mjml', 'html', 'text'];
const LONG = new Set(['body', 'mjml', 'html', 'text']);

interface Rendered {
  content: { subject?: string; html?: string; text?: string; title?: string; body?: string; preheader?: string; [more: string]: unknown } | null;
  warnings: string[];
  error: { message: string; where?: string; fix?: string } | null;
  needs: string[];
}

/** One template: what is written, and how somebody real would get it. */
export function TemplatePage() {
  const { t } = useTranslation('templates');
  const { name = '' } = useParams();
  const held = useObject('templates', name);
  return (
    <Page
      name="templates" title={words(name)}
      detail={<Breadcrumbs separator="›"><Anchor component={Link} to="/templates" size="sm">{t('all')}</Anchor><Text size="sm">{words(name)}</Text></Breadcrumbs>}
    >
      <DraftBar />
      <Asked query={held} lines={12}>
        {(found) => found.current === null && found.drafted === null ? <Empty icon={IconMail} title={t('no_such')} /> : <Editor key={`${name} ${found.revision ?? ''}`} held={found} />}
      </Asked>
    </Page>
  );
}

function Editor({ held }: { held: Held }) {
  const { t } = useTranslation('templates');
  const may = useMay('editor');
  const was = held.drafted ?? held.current ?? {};
  const [now, setNow] = useState<Record<string, unknown>>(was);
  const draft = useDraft('templates', held.name);
  const fields = TEXTS.filter((one) => typeof now[one] === 'string');
  const save = () => draft.mutate({ object: now, revision: held.revision }, { onSuccess: () => notifications.show({ message: t('drafted') }) });
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, lg: 6 }}>
        <Stack>
          <Card withBorder>
            <Stack gap="sm">
              <Group gap="xs"><Badge variant="light">{words(String(now.channel ?? ''))}</Badge>{now.category !== undefined && <Badge variant="light" color="gray">{words(String(now.category))}</Badge>}{now.topic !== undefined && <Badge variant="light" color="gray">{t('topic', { topic: String(now.topic) })}</Badge>}</Group>
              {fields.map((field) => LONG.has(field) ? (
                <Textarea
                  key={field} label={t(`fields.${field}`)} value={String(now[field])} onChange={(event) => setNow({ ...now, [field]: event.currentTarget.value })} autosize minRows={4} maxRows={22} readOnly={!may} spellCheck={field !== 'mjml' && field !== 'html'}
                  styles={field === 'mjml' || field === 'html' ? { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } } : {}}
                />
              ) : <TextInput key={field} label={t(`fields.${field}`)} value={String(now[field])} onChange={(event) => setNow({ ...now, [field]: event.currentTarget.value })} readOnly={!may} />)}
              {draft.isError && <Problem error={draft.error} />}
              {draft.data !== undefined && <Troubles found={draft.data.problems} />}
              <Group justify="flex-end"><Button onClick={save} loading={draft.isPending} disabled={!may || JSON.stringify(now) === JSON.stringify(was)}>{t('save')}</Button></Group>
            </Stack>
          </Card>
          <ObjectEditor held={held} rows={4} />
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 6 }}><Preview name={held.name} template={now} /></Grid.Col>
    </Grid>
  );
}

function Preview({ name, template }: { name: string; template: Record<string, unknown> }) {
  const { t } = useTranslation('templates');
  const [person, setPerson] = useState<string | null>(null);
  const [width, setWidth] = useState('desktop');
  const [asked] = useDebouncedValue(template, 400);
  const query = useQuery<Rendered>({
    queryKey: ['render', name, person, asked], retry: false, placeholderData: (held) => held,
    queryFn: ({ signal }) => call<Rendered>('POST', `/api/templates/${encodeURIComponent(name)}/render`, { person, template: asked }, signal),
  });
  const send = useMutation({
    mutationFn: () => call<{ verdict: string; reason: string; detail: string; address: string }>('POST', `/api/templates/${encodeURIComponent(name)}/test-send`, { person, template: asked }),
    onSuccess: (sent) => notifications.show({ color: sent.verdict === 'accepted' ? 'teal' : 'red', message: t(sent.verdict === 'accepted' ? 'sent' : 'not_sent', { address: sent.address, why: sent.detail || sent.reason }) }),
  });
  const may = useMay('editor');
  return (
    <Stack component="section" aria-label={t('preview')}>
      <Group justify="space-between" align="flex-end">
        <PersonPicker label={t('as')} value={person} onChange={setPerson} />
        <Group gap="xs">
          <SegmentedControl size="xs" value={width} onChange={setWidth} data={[{ value: 'desktop', label: t('desktop') }, { value: 'phone', label: t('phone') }]} aria-label={t('width')} />
          <Button size="xs" variant="default" leftSection={<IconSend size={14} aria-hidden />} loading={send.isPending} disabled={!may} onClick={() => send.mutate()}>{t('test')}</Button>
        </Group>
      </Group>
      {send.isError && <Problem error={send.error} />}
      <Asked query={query} lines={10}>
        {(found) => (
          <Stack gap="sm" aria-busy={query.isFetching}>
            {found.error !== null && <Alert color="red" title={t('cannot')} role="alert">{found.error.message}{found.error.where !== undefined && <Code ml={6}>{found.error.where}</Code>}{found.error.fix !== undefined && <Text size="sm">{found.error.fix}</Text>}</Alert>}
            {found.content !== null && <Shown content={found.content} phone={width === 'phone'} />}
            {found.warnings.length > 0 && <List size="sm">{found.warnings.map((one) => <List.Item key={one}>{one}</List.Item>)}</List>}
            {found.needs.length > 0 && <Text size="xs" c="dimmed">{t('speaks_of', { names: found.needs.join(', ') })}</Text>}
          </Stack>
        )}
      </Asked>
    </Stack>
  );
}

function Shown({ content, phone }: { content: NonNullable<Rendered['content']>; phone: boolean }) {
  const { t } = useTranslation('templates');
  const dark = useComputedColorScheme('light') === 'dark';
  const said = [content.subject, content.title].filter((one) => typeof one === 'string' && one !== '');
  return (
    <Card withBorder padding="sm">
      {said.map((one) => <Text key={one} fw={600}>{one}</Text>)}
      {typeof content.preheader === 'string' && content.preheader !== '' && <Text size="sm" c="dimmed">{content.preheader}</Text>}
      {typeof content.html === 'string' && content.html !== '' && (
        // Nothing in a mail runs here, and nothing in it is part of this page.
        <iframe title={t('preview')} sandbox="" srcDoc={content.html} style={{ width: phone ? 375 : '100%', maxWidth: '100%', height: 520, border: 0, background: dark ? '#fff' : 'transparent', marginTop: 8 }} />
      )}
      {typeof content.body === 'string' && content.body !== '' && <Text style={{ whiteSpace: 'pre-wrap' }} mt="xs">{content.body}</Text>}
      {typeof content.text === 'string' && content.text !== '' && typeof content.html !== 'string' && <Text style={{ whiteSpace: 'pre-wrap' }} mt="xs">{content.text}</Text>}
    </Card>
  );
}
