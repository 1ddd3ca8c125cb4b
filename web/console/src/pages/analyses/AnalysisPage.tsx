import { Anchor, Breadcrumbs, Button, Card, Grid, Group, Modal, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconChartBar, IconLink, IconStar } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams, useSearchParams } from 'react-router';

import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { Problem } from '../../shell/Broken';
import { AnswerView } from './AnswerView';
import { type Analysis, type Fields, fieldsOf, useAnalyses, useAnswer, useKeep } from './data';
import { QuestionForm } from './QuestionForm';
import { title } from './values';

/** One analysis: its question, which the address holds, and the answer. */
export function AnalysisPage() {
  const { t } = useTranslation('analyses');
  const { name = '' } = useParams();
  const query = useAnalyses();
  const called = t(`names.${name}`, { defaultValue: title(name.replaceAll('-', ' ')) });
  return (
    <Page
      name="analyses" title={called}
      detail={<Breadcrumbs separator="›"><Anchor component={Link} to="/analyses" size="sm">{t('all')}</Anchor><Text size="sm">{called}</Text></Breadcrumbs>}
    >
      <Asked query={query} lines={8}>
        {(found) => {
          const analysis = found.find((one) => one.name === name);
          return analysis === undefined ? <Empty icon={IconChartBar} title={t('no_such')} /> : <Question key={name} analysis={analysis} />;
        }}
      </Asked>
    </Page>
  );
}

function Question({ analysis }: { analysis: Analysis }) {
  const { t } = useTranslation('analyses');
  const [parameters, setParameters] = useSearchParams();
  const said = parameters.get('q') ?? '{}';
  const fields = useMemo<Fields>(() => read(said), [said]);
  const missing = fieldsOf(analysis).required.filter((name) => fields[name] === undefined);
  const answer = useAnswer(analysis.name, fields, missing.length === 0);
  const ask = (next: Fields) => setParameters(Object.keys(next).length === 0 ? {} : { q: JSON.stringify(next) });
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 4, lg: 3 }}>
        <Card withBorder component="section" aria-label={t('question')}>
          <Text size="sm" c="dimmed" mb="sm">{analysis.summary}</Text>
          <QuestionForm analysis={analysis} fields={fields} onChange={ask} />
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 8, lg: 9 }}>
        <Stack gap="md">
          <Group justify="flex-end" gap="xs"><Share /><Keep analysis={analysis.name} fields={fields} disabled={missing.length > 0} /></Group>
          {missing.length > 0 ? (
            <Empty icon={IconChartBar} title={t('incomplete')}>{t('needs', { fields: missing.map((one) => t(`fields.${one}`, { defaultValue: title(one) })).join(', ') })}</Empty>
          ) : answer.isError ? <Problem error={answer.error} retry={() => void answer.refetch()} /> : (
            <section aria-live="polite" aria-busy={answer.isFetching}>
              <Title order={2} hidden>{t('answer')}</Title>
              <Asked query={answer} lines={12}>{(held) => <AnswerView analysis={analysis.name} answer={held} />}</Asked>
            </section>
          )}
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

function read(said: string): Fields {
  try {
    const held: unknown = JSON.parse(said);
    return held !== null && typeof held === 'object' && !Array.isArray(held) ? (held as Fields) : {};
  } catch {
    return {};
  }
}

function Share() {
  const { t } = useTranslation('analyses');
  const copy = async () => {
    await navigator.clipboard.writeText(window.location.href);
    notifications.show({ message: t('copied') });
  };
  return <Button size="xs" variant="default" leftSection={<IconLink size={14} aria-hidden />} onClick={() => void copy()}>{t('copy')}</Button>;
}

function Keep({ analysis, fields, disabled }: { analysis: string; fields: Fields; disabled: boolean }) {
  const { t } = useTranslation('analyses');
  const [open, { open: show, close }] = useDisclosure();
  const [name, setName] = useState('');
  const keep = useKeep();
  return (
    <>
      <Button size="xs" variant="default" leftSection={<IconStar size={14} aria-hidden />} onClick={show} disabled={disabled}>{t('keep')}</Button>
      <Modal opened={open} onClose={close} title={t('keep_title')}>
        <form onSubmit={(event) => { event.preventDefault(); keep.mutate({ name, question: { analysis, ...fields } }, { onSuccess: () => { close(); notifications.show({ message: t('kept_it', { name }) }); } }); }}>
          <Stack>
            {keep.isError && <Problem error={keep.error} />}
            <TextInput label={t('name')} required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
            <Group justify="flex-end"><Button type="submit" loading={keep.isPending}>{t('keep')}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
