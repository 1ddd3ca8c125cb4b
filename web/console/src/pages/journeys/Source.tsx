import { Text } from '@mantine/core';
import { dump, load, YAMLException } from 'js-yaml';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Plan, tidy } from './plan';

/** A plan as the workspace's file has it. */
export const asYaml = (plan: Plan): string => dump(tidy(plan), { lineWidth: 100, noRefs: true });

/** The same journey as text; what is written here is drawn as soon as it can be read. */
export function Source({ plan, editable, onChange }: { plan: Plan; editable: boolean; onChange: (plan: Plan) => void }) {
  const { t } = useTranslation('journeys');
  const [text, setText] = useState(() => asYaml(plan));
  const [wrong, setWrong] = useState('');
  const own = useRef<Plan>(plan);
  useEffect(() => {
    if (own.current === plan) return;
    own.current = plan;
    setText(asYaml(plan));
    setWrong('');
  }, [plan]);
  const write = (given: string) => {
    setText(given);
    try {
      const held = load(given) as Plan | null;
      if (held === null || typeof held !== 'object' || typeof held.steps !== 'object' || held.steps === null || !Array.isArray(held.triggers)) {
        setWrong(t('source.shape'));
        return;
      }
      if (Object.values(held.steps).some((step) => step === null || typeof step !== 'object' || typeof step.kind !== 'string')) {
        setWrong(t('source.kind'));
        return;
      }
      setWrong('');
      own.current = held;
      onChange(held);
    } catch (error) {
      setWrong(error instanceof YAMLException ? t('source.line', { line: (error.mark?.line ?? 0) + 1, reason: error.reason }) : String(error));
    }
  };
  return (
    <div className="source">
      <textarea aria-label={t('build.source')} value={text} readOnly={!editable} spellCheck={false} onChange={(event) => write(event.currentTarget.value)} />
      {wrong !== '' && <Text size="xs" p="xs" c="var(--mantine-color-error)" role="status">{wrong}</Text>}
    </div>
  );
}
