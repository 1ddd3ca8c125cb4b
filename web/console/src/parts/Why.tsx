import { Button, Popover, type PopoverProps } from '@mantine/core';
import { IconHelpCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** A small "why?" that answers in place. `about` says to screen readers what is asked about. */
export function Why({ about, children, ...look }: { about: string; children: ReactNode } & Omit<PopoverProps, 'children'>) {
  const { t } = useTranslation();
  return (
    <Popover width={360} position="bottom-start" withArrow trapFocus returnFocus shadow="md" {...look}>
      <Popover.Target>
        <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconHelpCircle size={14} aria-hidden />} aria-label={`${t('parts.why')} ${about}`}>
          {t('parts.why')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown fz="sm" maw="92vw">{children}</Popover.Dropdown>
    </Popover>
  );
}
