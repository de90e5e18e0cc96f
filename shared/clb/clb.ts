import { apply } from './apply.ts';
import type { Clb } from './clb-port.ts';
import { readHealth } from './health.ts';
import { create, find, inspect, remove } from './load-balancers.ts';
import { observe } from './observe.ts';
import type { ClbOptions } from './paced.ts';

/** Load balancers through the CLB API, in the fewest calls, within the budget, under the hold. */
export const createClb = (options: ClbOptions): Clb => ({
  find: (tags) => find(options, tags),
  inspect: (loadBalancerId) => inspect(options, loadBalancerId),
  create: (wanted, hold) => create(options, wanted, hold),
  remove: (loadBalancerId, hold, asked) => remove(options, loadBalancerId, hold, asked),
  observe: (loadBalancerId, known, lane) => observe(options, loadBalancerId, known, lane),
  apply: (step, observed, hold) => apply(options, step, observed, hold),
  health: (wanted) => readHealth(options, wanted),
});
