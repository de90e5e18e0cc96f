import type { Lane } from '../model/desired-state.ts';
import { ClbError } from './clb-port.ts';
import type { ClbOptions } from './paced.ts';
import { paced } from './paced.ts';

/** How a use of a load balancer ends that DescribeLoadBalancers shows to be isolated. */
export const shownIsolated = {
  kind: 'isolated',
  code: 'Isolation 1',
  message: 'the load balancer is isolated',
} as const;

/**
 * What a write to an isolated load balancer is refused with is not documented. A refusal without a reason is looked
 * into by one read; if that shows nothing, or cannot be made, the error is what it was.
 */
export const explained = async (
  options: ClbOptions,
  lane: Lane,
  loadBalancerId: string,
  error: ClbError,
): Promise<ClbError> => {
  const { action, failure, requestId } = error;
  if (failure.kind !== 'unknown-outcome' || failure.code !== 'FailedOperation') return error;
  try {
    const { loadBalancers } = await paced(options, lane, 'DescribeLoadBalancers', {
      LoadBalancerIds: [loadBalancerId],
    });
    const found = loadBalancers.find((one) => one.loadBalancerId === loadBalancerId);
    return found?.isolated === true ? new ClbError(action, shownIsolated, requestId) : error;
  } catch {
    return error;
  }
};
