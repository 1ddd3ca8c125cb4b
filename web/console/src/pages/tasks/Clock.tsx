import { Badge, Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { duration, exact } from '../../parts/words';

const TICK_MS = 30_000;
const SOON = 0.25;

/** How long is left until a task has to be done, or for how long it should have been. */
export function Clock({ opened, due }: { opened: number; due: number | null }) {
  const { t } = useTranslation('tasks');
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(ticking);
  }, []);
  if (due === null) return null;
  const left = due - now;
  const colour = left < 0 ? 'red' : left < (due - opened) * SOON ? 'orange' : 'gray';
  return (
    <Tooltip label={t('due_at', { when: exact(due) })}>
      <Badge variant="light" tt="none" radius="sm" fw={500} className="band numbers" color={colour}>{left < 0 ? t('late', { time: duration(-left) }) : t('left', { time: duration(left) })}</Badge>
    </Tooltip>
  );
}
