import type { Clb } from '../../shared/clb/clb-port.ts';
import type { ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { Policy } from '../../shared/model/plan-types.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { ReconcileAnswer, ReconcileRequest } from '../platform/functions.ts';
import { reconcileLoadBalancer } from './load-balancer.ts';

/** What the reconcile function needs; put together in each platform's `main`. */
export interface ReconcileDeps {
  readonly store: Store;
  readonly clb: Clb;
  readonly writer: ObjectWriter;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings each load balancer of the request to what its desired states want. One that fails stays alone (L12). */
export const reconcile = async (request: ReconcileRequest, deps: ReconcileDeps): Promise<ReconcileAnswer> => {
  const results = await Promise.all(
    request.loadBalancerKeys.map((loadBalancerKey) =>
      reconcileLoadBalancer(loadBalancerKey, request.invocationId, deps),
    ),
  );
  return { results };
};
