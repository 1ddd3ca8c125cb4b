import { Badge, Group, Paper, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import type { Template } from './data';

interface Rendered { subject?: string | null; text?: string | null; html?: string | null; title?: string | null; body?: string | null }

/** A message as somebody will see it: rendered by the server where it can, else as it is written. */
export function MessagePreview({ name, template }: { name: string; template: Template }) {
  const { t } = useTranslation('broadcasts');
  const rendered = useQuery({
    queryKey: ['rendered', name], retry: false, staleTime: 60_000,
    queryFn: ({ signal }) => call<{ content: Rendered | null }>('POST', `/api/templates/${encodeURIComponent(name)}/render`, {}, signal),
  });
  const held: Rendered = rendered.data?.content ?? { subject: template.subject, text: template.text ?? template.body, html: template.html, title: template.title };
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" mb="xs"><Text fw={600} size="sm">{name}</Text>{template.channel !== undefined && <Badge variant="light" color="gray">{template.channel}</Badge>}</Group>
      {(held.subject ?? held.title) && <Text fw={600}>{held.subject ?? held.title}</Text>}
      {held.html
        ? <iframe title={t('wizard.preview', { name })} sandbox="" srcDoc={held.html} style={{ width: '100%', height: 380, border: 0, background: 'white', borderRadius: 6 }} />
        : <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>{held.text ?? held.body ?? ''}</Text>}
      {!rendered.data?.content && <Text size="xs" c="dimmed" mt="xs">{t('wizard.as_written')}</Text>}
    </Paper>
  );
}
