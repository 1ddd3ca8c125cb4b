import { Page } from '../../parts/Page';

export function Touchpoints() {
  return <Page name="touchpoints" />;
}
