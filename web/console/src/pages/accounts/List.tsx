import { SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';

import { useSession } from '../../api/session';
import { Page } from '../../parts/Page';
import { SubjectList } from '../../parts/subject/SubjectList';

/** All accounts, or one's own. */
export function AccountList() {
  const { t } = useTranslation('subject');
  const me = useSession()?.member;
  const name = me?.acts_as || me?.email || '';
  const [held, setHeld] = useSearchParams();
  const which = held.get('whose') ?? 'all';
  return (
    <Page
      name="accounts" detail={which === 'mine' ? t('mine.why', { name }) : t('list.accounts_why')}
      actions={<SegmentedControl size="xs" value={which} onChange={(value) => setHeld(value === 'mine' ? { whose: 'mine' } : {}, { replace: true })} data={[{ value: 'all', label: t('accounts.all') }, { value: 'mine', label: t('accounts.mine') }]} aria-label={t('accounts.which')} />}
    >
      <SubjectList of="account" score="account_health" owner={which === 'mine' ? name : null} />
    </Page>
  );
}
