import { Page } from '../../parts/Page';

export function BroadcastList() {
  return <Page name="broadcasts" />;
}
