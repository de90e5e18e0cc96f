import type { Target } from '../model.ts';
import type { ClbSettings } from '../settings.ts';

/** What reads show as the id of a target. */
export const targetIdOf = (
  { instanceId, eniId }: Target,
  { ipTargetId }: Pick<ClbSettings, 'ipTargetId'>,
): string => (instanceId !== '' ? instanceId : ipTargetId === 'eni' ? eniId : '');
