import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

// Every namespace is a file of src/locales/<language>; a page loads its own together with itself.
const files = import.meta.glob<{ default: Record<string, unknown> }>('./locales/*/*.json');

export const NAMESPACE = 'common';

await i18next
  .use({
    type: 'backend',
    read(language: string, namespace: string, done: (error: unknown, data: unknown) => void) {
      const load = files[`./locales/${language}/${namespace}.json`];
      if (load === undefined) done(new Error(`no texts ${language}/${namespace}`), false);
      else load().then((held) => done(null, held.default), (error: unknown) => done(error, false));
    },
  } as never)
  .use(initReactI18next)
  .init({
    lng: 'en', fallbackLng: 'en', ns: [NAMESPACE], defaultNS: NAMESPACE,
    interpolation: { escapeValue: false }, react: { useSuspense: true },
  });
document.documentElement.lang = i18next.language;

export default i18next;
