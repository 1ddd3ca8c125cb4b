import { Badge, createTheme, defaultVariantColorsResolver, type MantineColorsTuple, type MantineTheme, Notification } from '@mantine/core';

import i18next from './i18n';

const sea: MantineColorsTuple = [
  '#effcf9', '#d6f5ee', '#abe9dc', '#7adbc8', '#4fcab5', '#2bb3a0', '#159485', '#0f766e', '#0d5f59', '#0a4a46',
];

/** The one place where colours, sizes and type are decided. */
export const theme = createTheme({
  primaryColor: 'sea',
  primaryShade: 7,
  autoContrast: true,
  luminanceThreshold: 0.32,
  colors: { sea },
  fontFamily: 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  defaultRadius: 'md',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.125rem' }, h3: { fontSize: '1rem' } } },
  cursorType: 'pointer',
  // Light badges, chips and alerts with a contrast of 4.5 to 1 and more, in both schemes.
  variantColorResolver: (input) => {
    const held = defaultVariantColorsResolver(input);
    const named = typeof input.color === 'string' && /^[a-z]+$/.test(input.color) ? input.color : undefined;
    if (input.variant !== 'light' || named === undefined) return held;
    const name = named === 'gray' ? 'dark' : named;
    return { ...held, color: `light-dark(color-mix(in srgb, var(--mantine-color-${name}-9) 62%, black), var(--mantine-color-${named}-2))` };
  },
  components: {
    Badge: Badge.extend({ styles: { root: { flexShrink: 0 }, label: { overflow: 'visible' } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': i18next.t('parts.close') } } }),
  },
});

/** Colours of things in an order, such as stages, by Mantine colour name. */
export const STEPS = ['sea', 'indigo', 'orange', 'grape', 'cyan', 'lime', 'pink', 'yellow', 'blue', 'red'];

/** Colours of bands and of changes, by Mantine colour name. */
export const BANDS: Record<string, string> = {
  green: 'teal', healthy: 'teal', good: 'teal', yellow: 'yellow', amber: 'yellow', watch: 'yellow',
  orange: 'orange', at_risk: 'orange', red: 'red', critical: 'red', unknown: 'gray',
};

/** Where a high score is bad, its bands mean the opposite. */
const RISKY = /risk/;
const LEVELS: Record<string, string> = {
  low: 'gray', warming: 'yellow', warm: 'yellow', medium: 'yellow', elevated: 'orange', ready: 'teal', high: 'teal', deep: 'teal', regular: 'teal', casual: 'yellow',
};

/** The colour of a band; `of` names its score. */
export function bandColour(band: string | null | undefined, of = ''): string {
  if (band == null) return 'gray';
  if (RISKY.test(of)) return ({ low: 'teal', elevated: 'orange', high: 'red' } as Record<string, string>)[band] ?? BANDS[band] ?? 'gray';
  return BANDS[band] ?? LEVELS[band] ?? 'gray';
}

/** The colour of a value from 0 to 100 in the score `of`. */
export function levelColour(value: number, of: string): string {
  const good = RISKY.test(of) ? 100 - value : value;
  return good < 40 ? 'red' : good < 60 ? 'orange' : good < 80 ? 'yellow' : 'teal';
}

/** Colours of pictures, for the scheme that is shown. */
export interface Palette {
  text: string;
  dimmed: string;
  line: string;
  good: string;
  bad: string;
  warn: string;
  series: string[];
  of: (name: string) => string;
}

export function palette(theme: MantineTheme, dark: boolean): Palette {
  const of = (name: string) => theme.colors[name]?.[dark ? 5 : 6] ?? theme.colors.gray[5];
  return {
    text: dark ? theme.colors.dark[0] : theme.colors.gray[8],
    dimmed: dark ? theme.colors.dark[2] : theme.colors.gray[6],
    line: dark ? theme.colors.dark[4] : theme.colors.gray[3],
    good: of('teal'), bad: of('red'), warn: of('yellow'),
    series: STEPS.map(of),
    of,
  };
}
