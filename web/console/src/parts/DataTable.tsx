import { Anchor, Box, Button, Group, Table, Text, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { typing } from '../shell/keys';

/** A column. With `sort` its rows can be ordered by that value; `wide` leaves it out on narrow screens. */
export interface Column<T> {
  key: string;
  title: string;
  render: (row: T) => ReactNode;
  sort?: (row: T) => string | number | null | undefined;
  numeric?: boolean;
  wide?: boolean;
}

/** Rows with a link each. j and k (or the arrows) move between them, Enter opens; the heads of columns sort what is loaded. */
export function DataTable<T>(
  { label, columns, rows, id, href, more, onMore, loading = false, keys = true }: {
    label: string; columns: Column<T>[]; rows: readonly T[]; id: (row: T) => string; href?: (row: T) => string;
    more?: boolean; onMore?: () => void; loading?: boolean; keys?: boolean;
  },
) {
  const { t } = useTranslation();
  const body = useRef<HTMLTableSectionElement>(null);
  const [order, setOrder] = useState<{ key: string; up: boolean } | null>(null);
  const shown = useMemo(() => sorted(rows, columns, order), [rows, columns, order]);
  useEffect(() => {
    if (!keys || href === undefined) return undefined;
    const heard = (event: KeyboardEvent) => {
      if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey || document.querySelector('[role=dialog]') !== null) return;
      const step = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
      if (step === 0) return;
      const links = [...(body.current?.querySelectorAll<HTMLAnchorElement>('a[data-row]') ?? [])];
      const at = links.findIndex((link) => link === document.activeElement);
      const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
      next?.focus();
      next?.scrollIntoView({ block: 'nearest' });
    };
    window.addEventListener('keydown', heard);
    return () => window.removeEventListener('keydown', heard);
  }, [keys, href === undefined]);
  return (
    <Box>
      <Table.ScrollContainer minWidth={0} type="native">
        <Table aria-label={label} highlightOnHover verticalSpacing={6} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th
                  key={column.key} scope="col" ta={column.numeric === true ? 'right' : undefined} visibleFrom={column.wide === true ? 'sm' : undefined}
                  aria-sort={order?.key === column.key ? (order.up ? 'ascending' : 'descending') : undefined}
                >
                  {column.sort === undefined ? (
                    <Text size="xs" c="dimmed" fw={600} span>{column.title}</Text>
                  ) : (
                    <UnstyledButton
                      aria-label={t('parts.sort', { column: column.title })}
                      onClick={() => setOrder((held) => (held?.key !== column.key ? { key: column.key, up: column.numeric !== true } : { key: column.key, up: !held.up }))}
                    >
                      <Group gap={4} wrap="nowrap" component="span" justify={column.numeric === true ? 'flex-end' : undefined}>
                        <Text size="xs" c="dimmed" fw={600} span>{column.title}</Text>
                        {order?.key === column.key && (order.up ? <IconArrowUp size={12} aria-hidden /> : <IconArrowDown size={12} aria-hidden />)}
                      </Group>
                    </UnstyledButton>
                  )}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody ref={body}>
            {shown.map((row) => (
              <Table.Tr key={id(row)}>
                {columns.map((column, place) => (
                  <Table.Td
                    key={column.key} ta={column.numeric === true ? 'right' : undefined} className={column.numeric === true ? 'numbers' : undefined}
                    visibleFrom={column.wide === true ? 'sm' : undefined}
                  >
                    {place === 0 && href !== undefined
                      ? <Anchor component={Link} to={href(row)} data-row size="sm" fw={500} c="var(--mantine-color-text)">{column.render(row)}</Anchor>
                      : column.render(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group justify="space-between" mt="xs">
        {more === true && onMore !== undefined ? <Button variant="default" size="xs" loading={loading} onClick={onMore}>{t('parts.more')}</Button> : <span />}
        {keys && href !== undefined && shown.length > 1 && <Text size="xs" c="dimmed" visibleFrom="sm">{t('parts.keys')}</Text>}
      </Group>
    </Box>
  );
}

function sorted<T>(rows: readonly T[], columns: Column<T>[], order: { key: string; up: boolean } | null): readonly T[] {
  const by = columns.find((column) => column.key === order?.key)?.sort;
  if (by === undefined || order === null) return rows;
  const way = order.up ? 1 : -1;
  // What is unknown comes last, whichever way.
  return [...rows].sort((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1;
    return a < b ? -way : a > b ? way : 0;
  });
}
