import { Page } from '../../parts/Page';

export function JourneyList() {
  return <Page name="journeys" />;
}
