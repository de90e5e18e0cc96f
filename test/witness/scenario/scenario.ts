import { listeners, rules } from './listeners.ts';
import { birth, death } from './load-balancers.ts';
import { refusals } from './refusals.ts';
import type { Step } from './step.ts';
import { clearing, targets } from './targets.ts';

/** A load balancer's life with everything in it, and each class of refusal. */
export const whole: readonly Step[] = [
  ...birth,
  ...listeners,
  ...rules,
  ...targets,
  ...refusals,
  ...clearing,
  ...death,
];

/** A load balancer's life, to be led under another name of the API. */
export const short: readonly Step[] = [...birth, ...death];
