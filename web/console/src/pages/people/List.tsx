import { useTranslation } from 'react-i18next';

import { Page } from '../../parts/Page';
import { SubjectList } from '../../parts/subject/SubjectList';

/** Everybody. */
export function PeopleList() {
  const { t } = useTranslation('subject');
  return <Page name="people" detail={t('list.people_why')}><SubjectList of="person" score="health" /></Page>;
}
