import { createBrowserRouter, type RouteObject } from 'react-router';

import { areas } from './areas';
import { Shell } from './shell/Shell';
import { Broken, Missing, Waiting } from './shell/Broken';

const pages: RouteObject[] = areas.flatMap((area) => area.routes);

export const router = createBrowserRouter([
  { path: '/login', HydrateFallback: Waiting, lazy: () => import('./pages/door/LogIn').then((page) => ({ Component: page.LogIn })) },
  { path: '/setup', HydrateFallback: Waiting, lazy: () => import('./pages/door/FirstMember').then((page) => ({ Component: page.FirstMember })) },
  {
    path: '/',
    Component: Shell,
    HydrateFallback: Waiting,
    errorElement: <Broken />,
    children: [...pages.map((page) => ({ errorElement: <Broken />, ...page })), { path: '*', Component: Missing }],
  },
]);
