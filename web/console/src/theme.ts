import { createTheme, type MantineColorsTuple } from '@mantine/core';

const sea: MantineColorsTuple = [
  '#effcf9', '#d6f5ee', '#abe9dc', '#7adbc8', '#4fcab5', '#2bb3a0', '#159485', '#0f766e', '#0d5f59', '#0a4a46',
];

/** The one place where colours, sizes and type are decided. */
export const theme = createTheme({
  primaryColor: 'sea',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.32,
  colors: { sea },
  fontFamily: 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  defaultRadius: 'md',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.125rem' }, h3: { fontSize: '1rem' } } },
  cursorType: 'pointer',
});

/** Colours of bands and of changes, by Mantine colour name. */
export const BANDS: Record<string, string> = {
  green: 'teal', healthy: 'teal', good: 'teal', yellow: 'yellow', amber: 'yellow', watch: 'yellow',
  orange: 'orange', at_risk: 'orange', red: 'red', critical: 'red', unknown: 'gray',
};
