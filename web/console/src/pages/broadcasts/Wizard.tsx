import { Page } from '../../parts/Page';

export function Wizard() {
  return <Page name="broadcasts" />;
}
