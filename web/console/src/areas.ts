import type { Icon } from '@tabler/icons-react';
import { IconCalendarEvent, IconChecklist, IconHome, IconRoute, IconSpeakerphone, IconMapPin } from '@tabler/icons-react';
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
];
