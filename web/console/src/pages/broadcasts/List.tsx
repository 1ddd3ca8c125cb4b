import { Anchor, Badge, Button, Table } from '@mantine/core';
import { IconPlus, IconSpeakerphone } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { useMay } from '../../api/session';
import { Asked } from '../../parts/Asked';
import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';
import { Time } from '../journeys/People';
import { COLOURS, useBroadcasts } from './data';

/** Every broadcast with its state. */
export function BroadcastList() {
  const { t } = useTranslation('broadcasts');
  const broadcasts = useBroadcasts();
  const may = useMay('editor');
  const fresh = may ? <Button component={Link} to="/broadcasts/new" leftSection={<IconPlus size={16} aria-hidden />}>{t('list.new')}</Button> : undefined;
  return (
    <Page name="broadcasts" detail={t('list.detail')} actions={fresh}>
      <Asked query={broadcasts}>
        {(all) => all.length === 0 ? <Empty icon={IconSpeakerphone} title={t('list.empty')}>{t('list.empty_more')}</Empty> : (
          <Table.ScrollContainer minWidth={520}>
            <Table highlightOnHover>
              <Table.Thead><Table.Tr><Table.Th>{t('list.name')}</Table.Th><Table.Th>{t('list.state')}</Table.Th><Table.Th>{t('list.when')}</Table.Th><Table.Th ta="right">{t('list.size')}</Table.Th><Table.Th ta="right">{t('list.sent')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {all.map((one) => (
                  <Table.Tr key={one.name}>
                    <Table.Td><Anchor component={Link} to={`/broadcasts/${encodeURIComponent(one.name)}`} fw={600} size="sm">{one.name.replaceAll('_', ' ')}</Anchor></Table.Td>
                    <Table.Td><Badge variant="light" color={COLOURS[one.state]}>{t(`states.${one.state}`)}</Badge></Table.Td>
                    <Table.Td>{one.at ?? one.planned ? <Time at={(one.at ?? one.planned) as number} /> : t('list.at_once')}</Table.Td>
                    <Table.Td ta="right" className="numbers">{one.size?.toLocaleString() ?? '–'}</Table.Td>
                    <Table.Td ta="right" className="numbers">{one.variants.reduce((sum, each) => sum + each.sent, 0).toLocaleString()}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Asked>
    </Page>
  );
}
