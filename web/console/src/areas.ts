import type { Icon } from '@tabler/icons-react';
import { IconHome } from '@tabler/icons-react';
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
];
