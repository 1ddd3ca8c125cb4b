import { createBrowserRouter, type RouteObject } from 'react-router';

import { areas } from './areas';
import { Shell } from './shell/Shell';
import { Broken, Missing } from './shell/Broken';

const pages: RouteObject[] = areas.flatMap((area) => area.routes);

export const router = createBrowserRouter([
  { path: '/login', lazy: () => import('./pages/door/LogIn').then((page) => ({ Component: page.LogIn })) },
  { path: '/setup', lazy: () => import('./pages/door/FirstMember').then((page) => ({ Component: page.FirstMember })) },
  {
    path: '/',
    Component: Shell,
    errorElement: <Broken />,
    children: [...pages.map((page) => ({ errorElement: <Broken />, ...page })), { path: '*', Component: Missing }],
  },
]);
