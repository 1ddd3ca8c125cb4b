import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { bandColour } from '../theme';
import { words } from './words';

/** The band of a score; `value` stands in it when it is known. */
export function BandBadge({ band, value, of }: { band: string | null | undefined; value?: number | null; of?: string }) {
  const { t } = useTranslation();
  const said = band == null ? t('parts.unknown') : words(band);
  return (
    <Badge
      variant="light" color={bandColour(band, of)} tt="none" fw={500} radius="sm" className="numbers band"
      aria-label={of === undefined ? undefined : `${words(of)}: ${said}${value == null ? '' : ` (${Math.round(value)})`}`}
    >
      {value == null ? said : `${Math.round(value)} · ${said}`}
    </Badge>
  );
}
