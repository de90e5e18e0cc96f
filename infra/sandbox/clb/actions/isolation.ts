import { structure, text } from '../schema/fields.ts';
import { type Action, action } from './action.ts';

const parameters = structure({ LoadBalancerId: text() }, {});

/** What befalls a load balancer whose owner is in arrears, or that expired: no action of the API, only done by hand. */
const isolate = action('Isolate', parameters, (asked, engine, { region }) => {
  engine.runtime.isolate(engine.store.get(asked.LoadBalancerId, region));
  return {};
});

/** It was paid for: it is as it was before. */
const restore = action('Restore', parameters, async (asked, engine, { region }) => {
  await engine.runtime.restore(engine.store.get(asked.LoadBalancerId, region));
  return {};
});

export const isolationActions = (): Action[] => [isolate, restore];
