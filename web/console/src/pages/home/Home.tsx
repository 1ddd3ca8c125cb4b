import { Page } from '../../parts/Page';

/** What changed since yesterday. */
export function Home() {
  return <Page name="home" />;
}
