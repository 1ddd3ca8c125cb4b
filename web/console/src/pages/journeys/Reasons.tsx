import { Code, Group, List, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Atom { atom: string; value: unknown; holds: boolean | null }

/** Why something was decided: conditions with the values they saw, and whatever else the engine said of it. */
export function Reasons({ data }: { data: Record<string, unknown> }) {
  const { t } = useTranslation('journeys');
  const why = data.why as { atoms?: Atom[]; cause?: unknown } | Atom[] | undefined;
  const atoms = Array.isArray(why) ? why : (why?.atoms ?? []);
  const more = Object.entries(data).filter(([key, value]) => SHOWN.has(key) && value !== null && value !== undefined && value !== '' && typeof value !== 'object');
  return (
    <>
      {atoms.length > 0 && (
        <List size="xs" spacing={0}>
          {atoms.map((one, index) => (
            <List.Item key={index}><Code>{one.atom}</Code> {t('test.saw', { value: one.value === null ? t('test.unknown') : typeof one.value === 'object' ? JSON.stringify(one.value) : String(one.value) })} {t(one.holds === null ? 'test.unknown' : one.holds ? 'test.yes' : 'test.no')}</List.Item>
          ))}
        </List>
      )}
      {more.length > 0 && (
        <Group gap={6}>{more.map(([key, value]) => <Text key={key} size="xs" c="dimmed" component="span">{t(`data.${key}`, { defaultValue: key.replaceAll('_', ' ') })}: {key === 'share' ? `${String(value)} %` : String(value)}</Text>)}</Group>
      )}
    </>
  );
}

const SHOWN = new Set(['trigger', 'path', 'share', 'place', 'zone', 'for', 'from', 'category', 'topic', 'intent', 'cap', 'key', 'level']);
