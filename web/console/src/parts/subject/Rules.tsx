import { Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { call } from '../../api/client';
import { Ago } from '../Ago';
import { Asked } from '../Asked';
import { address } from '../usePages';
import { value, words } from '../words';
import { type Moment, plural } from './types';

interface Rule {
  rule: string;
  holds: boolean | null;
  atoms: { atom: string; value: unknown; holds: boolean | null }[];
}

interface Answer {
  now: { rules?: Rule[]; atoms?: Rule['atoms']; holds?: boolean | null; member?: boolean };
  last: Moment[];
}

/** A condition as words: `segment.off_baseline` is `segment off baseline`. */
export function atomWords(atom: string): string {
  return atom.replace(/(segment|trait|score|band|stage|signal)\./g, '$1 ').replaceAll('_', ' ');
}

/** Why somebody stands in a stage or a segment: each condition with the value it sees now, and the last change. */
export function Rules({ id, of, asked }: { id: string; of: 'person' | 'account'; asked: { lifecycle?: string; segment?: string } }) {
  const { t } = useTranslation('subject');
  const path = address(`/api/${plural(of)}/${id}/why`, asked);
  const query = useQuery({ queryKey: [path], queryFn: () => call<Answer>('GET', path) });
  return (
    <Asked query={query}>
      {({ now, last }) => {
        const rules = now.rules ?? (now.atoms === undefined ? [] : [{ rule: t('rules.itself'), holds: now.holds ?? now.member ?? null, atoms: now.atoms }]);
        return (
          <Stack gap="xs" mah="60vh" style={{ overflow: 'auto' }}>
            {last[0] !== undefined && <Text size="xs" c="dimmed">{t('rules.since')} <Ago time={last[0].time} /></Text>}
            {rules.map((rule) => (
              <Stack gap={2} key={rule.rule}>
                <Group gap={6}><Mark holds={rule.holds} /><Text size="sm" fw={600}>{words(rule.rule)}</Text></Group>
                {rule.atoms.map((atom) => (
                  <Group gap={6} key={atom.atom} pl="md" wrap="nowrap">
                    <Mark holds={atom.holds} />
                    <Text size="xs">{atomWords(atom.atom)} <Text span inherit c="dimmed">({value(atom.value, t, atom.atom)})</Text></Text>
                  </Group>
                ))}
              </Stack>
            ))}
          </Stack>
        );
      }}
    </Asked>
  );
}

function Mark({ holds }: { holds: boolean | null }) {
  const { t } = useTranslation('subject');
  const [sign, said] = holds === true ? ['✓', 'rules.holds'] : holds === false ? ['✗', 'rules.fails'] : ['?', 'rules.unknown'];
  return <Text span size="xs" w={12} c={holds === true ? undefined : 'dimmed'} role="img" aria-label={t(said)}>{sign}</Text>;
}
