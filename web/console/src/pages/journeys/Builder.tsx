import { Page } from '../../parts/Page';

export function Builder() {
  return <Page name="journeys" />;
}
