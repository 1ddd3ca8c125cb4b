import { Alert, Anchor, Button, Card, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { call } from '../../api/client';
import { Ago } from '../../parts/Ago';
import { Asked } from '../../parts/Asked';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { called, type Profile } from '../../parts/subject/types';
import { Problem } from '../../shell/Broken';

interface Certificate { id: string; subject: string; asked: number; done: number; by: string; position: number; removed: Record<string, Record<string, number>>; kept: string[]; signature: string }

/** What is known of a person handed out, or erased for ever with a certificate. */
export function Privacy() {
  const { t } = useTranslation('settings');
  const client = useQueryClient();
  const [found, setFound] = useState<Profile>();
  const [failed, setFailed] = useState<unknown>();
  const [erased, setErased] = useState<Certificate>();
  const certificates = useQuery({ queryKey: ['erasures'], queryFn: () => call<Certificate[]>('GET', '/api/erasures') });
  const form = useForm({ initialValues: { value: '' } });
  const find = form.onSubmit(async ({ value }) => {
    setFailed(undefined);
    setFound(undefined);
    try {
      const { id } = await call<{ id: string }>('GET', `/api/people/lookup?value=${encodeURIComponent(value.trim())}`);
      setFound(await call<Profile>('GET', `/api/people/${id}`));
    } catch (error) {
      setFailed(error);
    }
  });
  const erase = async () => {
    if (found === undefined) return;
    setErased(await call<Certificate>('POST', `/api/people/${found.id}/erase`));
    setFound(undefined);
    form.reset();
    await client.invalidateQueries();
  };
  return (
    <Stack>
      <Card withBorder padding="md">
        <form onSubmit={find}>
          <Stack gap="sm">
            <Title order={2}>{t('privacy.title')}</Title>
            <Text size="sm" c="dimmed">{t('privacy.why')}</Text>
            <Group align="flex-end"><TextInput flex={1} maw={400} label={t('privacy.who')} required {...form.getInputProps('value')} /><Button type="submit" variant="default">{t('privacy.find')}</Button></Group>
            {failed !== undefined && <Problem error={failed} />}
            {erased !== undefined && <Alert color="teal" role="status" title={t('privacy.erased')}>{t('privacy.certificate', { id: erased.id })}</Alert>}
          </Stack>
        </form>
        {found !== undefined && (
          <Group mt="md" justify="space-between">
            <Anchor component={Link} to={`/people/${found.id}`}>{called(found)}</Anchor>
            <Group gap="xs">
              <Button component="a" href={`/api/people/${found.id}/export`} download variant="default" size="xs">{t('privacy.export')}</Button>
              <ConfirmButton size="xs" color="red" label={t('privacy.erase')} question={t('privacy.erase_sure', { name: called(found) })} confirm={t('privacy.erase')} type={called(found)} onConfirm={erase}>{t('privacy.erase_why')}</ConfirmButton>
            </Group>
          </Group>
        )}
      </Card>
      <Title order={2}>{t('privacy.certificates')}</Title>
      <Asked query={certificates}>
        {(held) => (held.length === 0 ? <Text size="sm" c="dimmed">{t('privacy.none')}</Text> : (
          <Table aria-label={t('privacy.certificates')} fz="sm">
            <Table.Thead><Table.Tr><Table.Th scope="col">{t('privacy.when')}</Table.Th><Table.Th scope="col">{t('privacy.subject')}</Table.Th><Table.Th scope="col">{t('privacy.removed')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {[...held].reverse().map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td><Ago time={one.done} /></Table.Td><Table.Td>{one.subject}</Table.Td>
                  <Table.Td>{Object.entries(one.removed).map(([place, counts]) => `${place}: ${Object.values(counts).reduce((sum, count) => sum + count, 0)}`).join(', ')}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        ))}
      </Asked>
    </Stack>
  );
}
