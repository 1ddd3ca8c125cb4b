import type { Icon } from '@tabler/icons-react';
import {
  IconActivity, IconArrowsSplit2, IconChartAreaLine, IconChartBar, IconChartDots3, IconChartFunnel, IconCoin, IconFlag, IconGauge, IconHeartHandshake,
  IconMail, IconMapPin, IconMoodSmile, IconRefresh, IconRepeat, IconRoute, IconScale, IconShieldCheck, IconShoppingCart, IconSparkles, IconStairs, IconTable,
  IconTrendingUp, IconTrophy, IconUsersGroup,
} from '@tabler/icons-react';

/** Where an analysis stands in the gallery, and its sign. Those that are not named here come last. */
export const GROUPS: [string, [string, Icon][]][] = [
  ['behaviour', [
    ['trends', IconTrendingUp], ['funnel', IconChartFunnel], ['retention', IconRepeat], ['paths', IconRoute], ['lifecycle', IconActivity],
    ['stickiness', IconRefresh], ['cohorts', IconUsersGroup], ['activation', IconFlag], ['activation-finder', IconSparkles],
  ]],
  ['stages', [
    ['stage-funnel', IconStairs], ['calibration', IconGauge], ['renewal-forecast', IconChartAreaLine], ['touchpoints', IconMapPin], ['nps', IconMoodSmile],
  ]],
  ['effect', [
    ['lift', IconScale], ['journey-report', IconRoute], ['league-table', IconTrophy], ['message-report', IconMail], ['attribution', IconArrowsSplit2],
    ['save-report', IconShieldCheck], ['what-saves', IconHeartHandshake], ['advocacy', IconMoodSmile],
  ]],
  ['commerce', [['post-purchase', IconShoppingCart], ['rfm', IconTable], ['clv', IconCoin]]],
];

export const OTHER: Icon = IconChartBar;
export const UNKNOWN: Icon = IconChartDots3;
