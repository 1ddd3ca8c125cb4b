import type { Icon } from '@tabler/icons-react';
import {
  IconBuilding, IconChartBar, IconFilter, IconHeartbeat, IconMail, IconAntennaBars5, IconBulb, IconCalendarEvent, IconChecklist, IconHome, IconListCheck, IconMapPin, IconRoute, IconSettings, IconSpeakerphone, IconTools,
  IconUsers,
} from '@tabler/icons-react';
import type { RouteObject } from 'react-router';

/** A place of the console: where it stands in the navigation, its key after `g`, and its pages, each loaded when
 * it is first opened. To add one, add a line here and its texts to `locales/en/common.json` under `areas`. */
export interface Area {
  name: string;
  path: string;
  icon: Icon;
  key?: string;
  group: 'today' | 'customers' | 'engage' | 'learn' | 'manage';
  routes: RouteObject[];
}

export const areas: Area[] = [
  {
    name: 'home', path: '/', icon: IconHome, key: 'h', group: 'today',
    routes: [{ index: true, lazy: () => import('./pages/home/Home').then((page) => ({ Component: page.Home })) }],
  },
  {
    name: 'tasks', path: '/tasks', icon: IconListCheck, key: 't', group: 'today',
    routes: [
      { path: 'tasks', lazy: () => import('./pages/tasks/Inbox').then((page) => ({ Component: page.Inbox })) },
      { path: 'tasks/:id', lazy: () => import('./pages/tasks/Inbox').then((page) => ({ Component: page.Inbox })) },
    ],
  },
  {
    name: 'people', path: '/people', icon: IconUsers, key: 'p', group: 'customers',
    routes: [
      { path: 'people', lazy: () => import('./pages/people/List').then((page) => ({ Component: page.PeopleList })) },
      { path: 'people/:id', lazy: () => import('./pages/people/Person').then((page) => ({ Component: page.PersonPage })) },
    ],
  },
  {
    name: 'accounts', path: '/accounts', icon: IconBuilding, key: 'a', group: 'customers',
    routes: [
      { path: 'accounts', lazy: () => import('./pages/accounts/List').then((page) => ({ Component: page.AccountList })) },
      { path: 'accounts/:id', lazy: () => import('./pages/accounts/Account').then((page) => ({ Component: page.AccountPage })) },
    ],
  },
  {
    name: 'segments', path: '/segments', icon: IconFilter, key: 'e', group: 'customers',
    routes: [
      { path: 'segments', lazy: () => import('./pages/segments/List').then((page) => ({ Component: page.SegmentList })) },
      { path: 'segments/:name', lazy: () => import('./pages/segments/Segment').then((page) => ({ Component: page.SegmentPage })) },
    ],
  },
  {
    name: 'lifecycle', path: '/lifecycle', icon: IconHeartbeat, key: 'l', group: 'customers',
    routes: [
      { path: 'lifecycle', lazy: () => import('./pages/lifecycle/Overview').then((page) => ({ Component: page.LifecycleOverview })) },
      { path: 'lifecycle/:lifecycle', lazy: () => import('./pages/lifecycle/Overview').then((page) => ({ Component: page.LifecycleOverview })) },
      { path: 'lifecycle/scores/:name', lazy: () => import('./pages/lifecycle/Score').then((page) => ({ Component: page.ScorePage })) },
      { path: 'lifecycle/:lifecycle/:stage', lazy: () => import('./pages/lifecycle/Stage').then((page) => ({ Component: page.StagePage })) },
    ],
  },
  {
    name: 'journeys', path: '/journeys', icon: IconRoute, key: 'j', group: 'engage',
    routes: [
      { path: 'journeys', lazy: () => import('./pages/journeys/List').then((page) => ({ Component: page.JourneyList })) },
      { path: 'journeys/conflicts', lazy: () => import('./pages/journeys/Conflicts').then((page) => ({ Component: page.Conflicts })) },
      { path: 'journeys/:name', lazy: () => import('./pages/journeys/Builder').then((page) => ({ Component: page.Builder })) },
    ],
  },
  {
    name: 'broadcasts', path: '/broadcasts', icon: IconSpeakerphone, key: 'b', group: 'engage',
    routes: [
      { path: 'broadcasts', lazy: () => import('./pages/broadcasts/List').then((page) => ({ Component: page.BroadcastList })) },
      { path: 'broadcasts/new', lazy: () => import('./pages/broadcasts/Wizard').then((page) => ({ Component: page.Wizard })) },
      { path: 'broadcasts/:name', lazy: () => import('./pages/broadcasts/Broadcast').then((page) => ({ Component: page.BroadcastPage })) },
    ],
  },
  {
    name: 'templates', path: '/templates', icon: IconMail, key: 'm', group: 'engage',
    routes: [
      { path: 'templates', lazy: () => import('./pages/templates/List').then((page) => ({ Component: page.TemplateList })) },
      { path: 'templates/:name', lazy: () => import('./pages/templates/Template').then((page) => ({ Component: page.TemplatePage })) },
    ],
  },
  {
    name: 'calendar', path: '/calendar', icon: IconCalendarEvent, key: 'c', group: 'engage',
    routes: [{ path: 'calendar', lazy: () => import('./pages/calendar/Calendar').then((page) => ({ Component: page.CalendarPage })) }],
  },
  {
    name: 'touchpoints', path: '/touchpoints', icon: IconMapPin, group: 'engage',
    routes: [{ path: 'touchpoints', lazy: () => import('./pages/touchpoints/Touchpoints').then((page) => ({ Component: page.Touchpoints })) }],
  },
  {
    name: 'approvals', path: '/approvals', icon: IconChecklist, group: 'engage',
    routes: [{ path: 'approvals', lazy: () => import('./pages/approvals/Approvals').then((page) => ({ Component: page.Approvals })) }],
  },
  {
    name: 'analyses', path: '/analyses', icon: IconChartBar, key: 'n', group: 'learn',
    routes: [
      { path: 'analyses', lazy: () => import('./pages/analyses/Gallery').then((page) => ({ Component: page.Gallery })) },
      { path: 'analyses/:name', lazy: () => import('./pages/analyses/AnalysisPage').then((page) => ({ Component: page.AnalysisPage })) },
    ],
  },
  {
    name: 'learning', path: '/learning', icon: IconBulb, key: 'r', group: 'learn',
    routes: [{ path: 'learning', lazy: () => import('./pages/learning/Learning').then((page) => ({ Component: page.Learning })) }],
  },
  {
    name: 'channels', path: '/channels', icon: IconAntennaBars5, group: 'manage',
    routes: [{ path: 'channels', lazy: () => import('./pages/channels/Channels').then((page) => ({ Component: page.Channels })) }],
  },
  {
    name: 'set_up', path: '/set-up', icon: IconTools, key: 'u', group: 'manage',
    routes: [
      { path: 'set-up', lazy: () => import('./pages/setup/Guide').then((page) => ({ Component: page.Guide })) },
      { path: 'set-up/results', lazy: () => import('./pages/setup/Results').then((page) => ({ Component: page.Results })) },
    ],
  },
  {
    name: 'settings', path: '/settings', icon: IconSettings, key: 's', group: 'manage',
    routes: [
      { path: 'settings', lazy: () => import('./pages/settings/Settings').then((page) => ({ Component: page.Settings })) },
      { path: 'settings/:tab', lazy: () => import('./pages/settings/Settings').then((page) => ({ Component: page.Settings })) },
    ],
  },
];
