import { Text, type TextProps, Tooltip } from '@mantine/core';

import { exact, relative } from './words';

/** When, as one says it; the exact time stands in the tooltip. */
export function Ago({ time, ...look }: { time: number } & TextProps) {
  return (
    <Tooltip label={exact(time)}>
      <Text component="time" dateTime={new Date(time).toISOString()} inherit span {...look}>{relative(time)}</Text>
    </Tooltip>
  );
}
