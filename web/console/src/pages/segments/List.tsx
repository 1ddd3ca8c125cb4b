import { Badge, Button, Group, Modal, Progress, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import { IconFilter, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { DataTable } from '../../parts/DataTable';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { DraftBar } from '../definition/DraftBar';
import { type Segment, useSegments } from './data';

/** Every segment, with how many are in it now. */
export function SegmentList() {
  const { t } = useTranslation('segments');
  const query = useSegments();
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text.toLowerCase(), 100);
  const [of, setOf] = useState<string | null>(null);
  const fits = (one: Segment) => (of === null || one.of === of) && `${one.name} ${one.description}`.toLowerCase().includes(wanted);
  return (
    <Page name="segments" detail={t('detail')} actions={<NewSegment />}>
      <DraftBar />
      <Asked query={query} lines={10}>
        {(all) => (
          <Stack gap="sm">
            <Group>
              <TextInput aria-label={t('find')} placeholder={t('find')} value={text} onChange={(event) => setText(event.currentTarget.value)} leftSection={<IconFilter size={16} aria-hidden />} w={260} />
              <Select aria-label={t('of')} placeholder={t('of')} clearable value={of} onChange={setOf} data={[...new Set(all.map((one) => one.of))].map((one) => ({ value: one, label: words(one) }))} w={160} />
            </Group>
            {all.filter(fits).length === 0 ? <Empty icon={IconFilter} title={t('none')} /> : (
              <DataTable
                label={t('all')} rows={all.filter(fits)} id={(one) => one.name} href={(one) => `/segments/${encodeURIComponent(one.name)}`}
                columns={[
                  { key: 'name', title: t('name'), sort: (one) => one.name, render: (one) => words(one.name) },
                  { key: 'of', title: t('of'), sort: (one) => one.of, wide: true, render: (one) => <Badge variant="light" color="gray">{words(one.of)}</Badge> },
                  { key: 'description', title: t('description'), wide: true, render: (one) => <Text size="sm" c="dimmed" lineClamp={1} maw={460}>{one.description}</Text> },
                  { key: 'size', title: t('size'), numeric: true, sort: (one) => one.size, render: (one) => one.size.toLocaleString() },
                  { key: 'share', title: t('share'), sort: (one) => one.share, wide: true, render: (one) => <Progress value={(one.share ?? 0) * 100} w={90} aria-label={t('share')} /> },
                ]}
              />
            )}
          </Stack>
        )}
      </Asked>
    </Page>
  );
}

function NewSegment() {
  const { t } = useTranslation('segments');
  const go = useNavigate();
  const may = useMay('editor');
  const [open, { open: show, close }] = useDisclosure();
  const [name, setName] = useState('');
  const valid = /^[a-z][a-z0-9_]*$/.test(name);
  return (
    <>
      <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={show} disabled={!may}>{t('new')}</Button>
      <Modal opened={open} onClose={close} title={t('new')}>
        <form onSubmit={(event) => { event.preventDefault(); if (valid) void go(`/segments/${name}`); }}>
          <Stack>
            <TextInput label={t('name')} description={t('name_rule')} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus error={name !== '' && !valid ? t('name_rule') : undefined} />
            <Group justify="flex-end"><Button type="submit" disabled={!valid}>{t('next')}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
