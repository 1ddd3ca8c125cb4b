import { Page } from '../../parts/Page';

export function BroadcastPage() {
  return <Page name="broadcasts" />;
}
