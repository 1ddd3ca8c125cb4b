import {
  type Icon, IconArrowsSplit, IconBook2, IconBolt, IconClock, IconFlag, IconGitBranch, IconLifebuoy, IconLogout, IconMail, IconPencil, IconPlugConnected, IconRoute, IconUserCheck,
} from '@tabler/icons-react';

/** How each kind of step looks: its picture and the colour of the theme. */
export const LOOKS: Record<string, { icon: Icon; colour: string }> = {
  trigger: { icon: IconBolt, colour: 'yellow' }, message: { icon: IconMail, colour: 'blue' }, wait: { icon: IconClock, colour: 'gray' },
  branch: { icon: IconGitBranch, colour: 'violet' }, split: { icon: IconArrowsSplit, colour: 'grape' }, task: { icon: IconUserCheck, colour: 'orange' },
  goal: { icon: IconFlag, colour: 'teal' }, exit: { icon: IconLogout, colour: 'red' }, update_trait: { icon: IconPencil, colour: 'cyan' },
  start_journey: { icon: IconRoute, colour: 'sea' }, webhook: { icon: IconPlugConnected, colour: 'indigo' }, playbook: { icon: IconBook2, colour: 'orange' },
  intervention: { icon: IconLifebuoy, colour: 'pink' },
};
export const OTHER = { icon: IconBolt, colour: 'gray' };
