import { Page } from '../../parts/Page';

export function Conflicts() {
  return <Page name="journeys" />;
}
