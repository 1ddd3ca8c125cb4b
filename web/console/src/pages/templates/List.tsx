import { Badge, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconMail } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Asked } from '../../parts/Asked';
import { DataTable } from '../../parts/DataTable';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { words } from '../../parts/words';
import { DraftBar } from '../definition/DraftBar';
import { useDefinition } from '../journeys/names';

interface Template { name: string; channel: string; category: string; topic: string; first: string }

/** Everything that is said, by channel and purpose. */
export function TemplateList() {
  const { t } = useTranslation('templates');
  const query = useDefinition();
  const [text, setText] = useState('');
  const [channel, setChannel] = useState<string | null>(null);
  const all = useMemo<Template[]>(() => {
    const held = (query.data?.workspace.templates ?? {}) as Record<string, Record<string, unknown>>;
    return Object.entries(held).map(([name, one]) => ({
      name, channel: String(one.channel ?? ''), category: String(one.category ?? ''), topic: String(one.topic ?? ''),
      first: String(one.subject ?? one.title ?? one.body ?? one.text ?? ''),
    }));
  }, [query.data]);
  const found = all.filter((one) => (channel === null || one.channel === channel) && `${one.name} ${one.first}`.toLowerCase().includes(text.toLowerCase()));
  return (
    <Page name="templates" detail={t('detail')}>
      <DraftBar />
      <Asked query={query} lines={10}>
        {() => (
          <Stack gap="sm">
            <Group>
              <TextInput aria-label={t('find')} placeholder={t('find')} value={text} onChange={(event) => setText(event.currentTarget.value)} w={260} />
              <Select aria-label={t('channel')} placeholder={t('channel')} clearable value={channel} onChange={setChannel} data={[...new Set(all.map((one) => one.channel))].map((one) => ({ value: one, label: words(one) }))} w={170} />
            </Group>
            {found.length === 0 ? <Empty icon={IconMail} title={t('none')} /> : (
              <DataTable
                label={t('all')} rows={found} id={(one) => one.name} href={(one) => `/templates/${encodeURIComponent(one.name)}`}
                columns={[
                  { key: 'name', title: t('name'), sort: (one) => one.name, render: (one) => words(one.name) },
                  { key: 'channel', title: t('channel'), sort: (one) => one.channel, render: (one) => <Badge variant="light" color="gray">{words(one.channel)}</Badge> },
                  { key: 'category', title: t('category'), sort: (one) => one.category, wide: true, render: (one) => words(one.category) },
                  { key: 'first', title: t('begins'), wide: true, render: (one) => <Text size="sm" c="dimmed" lineClamp={1} maw={480}>{one.first}</Text> },
                ]}
              />
            )}
          </Stack>
        )}
      </Asked>
    </Page>
  );
}
