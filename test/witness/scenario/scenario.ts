import { listeners, rules } from './listeners.ts';
import { birth, death, protection } from './load-balancers.ts';
import { refusals, tails } from './refusals.ts';
import { seldom } from './seldom.ts';
import { inStrict, type Step } from './step.ts';
import { clearing, targets } from './targets.ts';

/** A load balancer's life with everything in it, and each class of refusal. */
export const whole: readonly Step[] = [
  ...birth,
  ...protection,
  ...listeners,
  ...rules,
  ...targets,
  ...seldom,
  ...refusals,
  ...clearing,
  ...death,
];

/** The same where all that nobody has verified is answered the hard way: locks outlive what took them, and codes are others. */
export const strict: readonly Step[] = inStrict([
  ...birth,
  ...protection,
  ...listeners,
  ...rules,
  ...targets,
  ...seldom,
  ...tails,
  ...refusals,
  ...clearing,
  ...death,
]);

/** A load balancer's life, to be led under another name of the API. */
export const short: readonly Step[] = [...birth, ...protection, ...death];

/** The same in calls that have all in their URL: nothing in it is true or false, which SDKs write differently there. */
export const inUrls: readonly Step[] = [...birth, ...death];
