import {
  ActionIcon, AppShell, Avatar, Burger, Center, Group, Kbd, Loader, Menu, NavLink, ScrollArea, Text, Tooltip,
  UnstyledButton, VisuallyHidden, useComputedColorScheme, useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconLogout, IconMoon, IconSearch, IconSun } from '@tabler/icons-react';
import { Suspense, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, Outlet, useLocation, useNavigation } from 'react-router';

import { useLogOut, useSession } from '../api/session';
import { areas, type Area } from '../areas';
import { openSearch, Search } from './Search';
import { useGoKeys } from './keys';

const GROUPS: Area['group'][] = ['today', 'customers', 'engage', 'learn', 'manage'];

/** The frame of every page: navigation, search, who is logged in. */
export function Shell() {
  const { t } = useTranslation();
  const held = useSession();
  const place = useLocation();
  const moving = useNavigation().state !== 'idle';
  const [opened, menu] = useDisclosure();
  useGoKeys();
  useEffect(menu.close, [place.pathname]);
  if (held === undefined) return <Center h="100vh"><Loader aria-label={t('loading')} /></Center>;
  if (held === null) return <Navigate to={`/login?next=${encodeURIComponent(place.pathname + place.search)}`} replace />;
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <a className="skip" href="#content">{t('skip')}</a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label={t('menu')} />
            <UnstyledButton component={Link} to="/">
              <Group gap={8} wrap="nowrap"><img src="/mark.svg" width={24} height={24} alt="" /><Text fw={600}>Sevenfold</Text></Group>
            </UnstyledButton>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <UnstyledButton onClick={openSearch} px="xs">
              <Group gap={6} wrap="nowrap"><IconSearch size={16} aria-hidden /><VisuallyHidden hiddenFrom="sm">{t('search.open')}</VisuallyHidden><Text size="sm" visibleFrom="sm">{t('search.open')}</Text><Kbd size="xs" visibleFrom="sm">Ctrl K</Kbd></Group>
            </UnstyledButton>
            <ColourScheme />
            <Who />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t('navigation')}>
        <ScrollArea type="auto">
          {GROUPS.map((group) => <Places key={group} group={group} path={place.pathname} />)}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} aria-busy={moving} style={{ outline: 'none' }}>
        <Suspense fallback={<Center p="xl"><Loader aria-label={t('loading')} /></Center>}><Outlet /></Suspense>
      </AppShell.Main>
      <Search />
    </AppShell>
  );
}

function Places({ group, path }: { group: Area['group']; path: string }) {
  const { t } = useTranslation();
  const held = areas.filter((area) => area.group === group);
  if (held.length === 0) return null;
  return (
    <div role="group" aria-label={t(`groups.${group}`)}>
      {group !== 'today' && <Text size="xs" c="dimmed" fw={600} px="xs" pt="sm" pb={2}>{t(`groups.${group}`)}</Text>}
      {held.map((area) => (
        <NavLink
          key={area.name} component={Link} to={area.path} label={t(`areas.${area.name}`)}
          leftSection={<area.icon size={16} stroke={1.6} aria-hidden />} py={5} px="xs" style={{ borderRadius: 6 }}
          active={area.path === '/' ? path === '/' : path === area.path || path.startsWith(`${area.path}/`)}
        />
      ))}
    </div>
  );
}

function ColourScheme() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <Tooltip label={t(dark ? 'scheme.light' : 'scheme.dark')}>
      <ActionIcon variant="subtle" color="gray" aria-label={t(dark ? 'scheme.light' : 'scheme.dark')} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
        {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Who() {
  const { t } = useTranslation();
  const held = useSession();
  const logOut = useLogOut();
  if (held == null) return null;
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <UnstyledButton><Avatar size={28} name={held.member.name} color="sea" radius="xl" /><VisuallyHidden>{t('who.menu', { name: held.member.name })}</VisuallyHidden></UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{held.member.email} · {t(`roles.${held.member.role}`)}</Menu.Label>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void logOut()}>{t('who.logout')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
