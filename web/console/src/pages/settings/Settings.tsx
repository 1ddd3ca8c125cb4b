import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';

import { type Role, useDoor } from '../../api/session';
import { Page } from '../../parts/Page';
import { Audit } from './Audit';
import { DeadLetters } from './DeadLetters';
import { Keys } from './Keys';
import { Me } from './Me';
import { Members } from './Members';
import { Privacy } from './Privacy';
import { Service } from './Service';

const TABS: [string, Role, () => React.JSX.Element][] = [
  ['me', 'viewer', Me], ['members', 'viewer', Members], ['keys', 'admin', Keys], ['audit', 'admin', Audit], ['privacy', 'admin', Privacy],
  ['dead-letters', 'admin', DeadLetters], ['service', 'viewer', Service],
];

/** What is set for oneself and for everybody. */
export function Settings() {
  const { t } = useTranslation('settings');
  const go = useNavigate();
  const may = useDoor()?.may ?? [];
  const open = TABS.filter(([, role]) => may.includes(role));
  const { tab } = useParams();
  const [name, , Shown] = open.find(([one]) => one === tab) ?? open[0] ?? TABS[0]!;
  return (
    <Page name="settings">
      <Tabs value={name} onChange={(value) => void go(`/settings/${value}`, { replace: true })} keepMounted={false}>
        <Tabs.List mb="md">{open.map(([one]) => <Tabs.Tab key={one} value={one}>{t(`tabs.${one}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value={name}><Shown /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
