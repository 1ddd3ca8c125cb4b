import { Page } from '../../parts/Page';

export function Approvals() {
  return <Page name="approvals" />;
}
