import type { ReconcileAnswer, ReconcileRequest } from '../platform/functions.ts';
import type { ReconcileDeps } from './deps.ts';
import { reconcileLoadBalancer } from './load-balancer.ts';

/** Brings each load balancer of the request to what its desired states want. One that fails stays alone (L12). */
export const reconcile = async (request: ReconcileRequest, deps: ReconcileDeps): Promise<ReconcileAnswer> => {
  const results = await Promise.all(
    request.loadBalancerKeys.map((loadBalancerKey) =>
      reconcileLoadBalancer(loadBalancerKey, request.invocationId, deps),
    ),
  );
  return { results };
};
