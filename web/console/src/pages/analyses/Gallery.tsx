import { ActionIcon, Card, Group, SimpleGrid, Stack, Text, ThemeIcon, Title, UnstyledButton } from '@mantine/core';
import { IconStar, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Asked } from '../../parts/Asked';
import { Page } from '../../parts/Page';
import { type Analysis, addressOf, useAnalyses, useForget, useSaved } from './data';
import { GROUPS, OTHER } from './groups';
import { title } from './values';

/** Every analysis by what it is about, and the questions that were kept. */
export function Gallery() {
  const { t } = useTranslation('analyses');
  const query = useAnalyses();
  return (
    <Page name="analyses" detail={t('detail')}>
      <Kept />
      <Asked query={query} lines={10}>{(found) => <Groups found={found} />}</Asked>
    </Page>
  );
}

function Groups({ found }: { found: Analysis[] }) {
  const { t } = useTranslation('analyses');
  const byName = new Map(found.map((one) => [one.name, one]));
  const known = new Set(GROUPS.flatMap(([, held]) => held.map(([name]) => name)));
  const rest = found.filter((one) => !known.has(one.name));
  const groups = rest.length === 0 ? GROUPS : [...GROUPS, ['other', rest.map((one) => [one.name, OTHER])] as (typeof GROUPS)[number]];
  return (
    <Stack gap="lg">
      {groups.map(([group, held]) => (
        <section key={group} aria-labelledby={`group-${group}`}>
          <Title order={2} id={`group-${group}`} mb="xs">{t(`groups.${group}`)}</Title>
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm">
            {held.flatMap(([name, Sign]) => {
              const one = byName.get(name);
              if (one === undefined) return [];
              return [(
                <UnstyledButton key={name} component={Link} to={`/analyses/${name}`}>
                  <Card withBorder h="100%" padding="sm">
                    <Group wrap="nowrap" align="flex-start" gap="sm">
                      <ThemeIcon variant="light" size={34}><Sign size={18} aria-hidden /></ThemeIcon>
                      <div>
                        <Text fw={600}>{t(`names.${name}`, { defaultValue: title(name.replaceAll('-', ' ')) })}</Text>
                        <Text size="sm" c="dimmed" lineClamp={2}>{one.summary}</Text>
                      </div>
                    </Group>
                  </Card>
                </UnstyledButton>
              )];
            })}
          </SimpleGrid>
        </section>
      ))}
    </Stack>
  );
}

function Kept() {
  const { t } = useTranslation('analyses');
  const { data } = useSaved();
  const forget = useForget();
  if (data === undefined || data.length === 0) return null;
  return (
    <section aria-labelledby="kept">
      <Title order={2} id="kept" mb="xs">{t('kept')}</Title>
      <Group gap="sm">
        {data.map(({ name, question: { analysis, ...fields } }) => (
          <Card key={name} withBorder padding="xs">
            <Group gap="xs" wrap="nowrap">
              <IconStar size={16} aria-hidden />
              <Text component={Link} to={addressOf(analysis, fields)} fw={500}>{name}</Text>
              <ActionIcon size="sm" variant="subtle" color="gray" aria-label={t('forget', { name })} onClick={() => forget.mutate(name)}><IconTrash size={14} /></ActionIcon>
            </Group>
          </Card>
        ))}
      </Group>
    </section>
  );
}
