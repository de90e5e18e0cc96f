import { chunk } from './chunk.ts';
import type { TargetHealth } from './clb-port.ts';
import { ClbError } from './clb-port.ts';
import { limits } from './limits.ts';
import type { ClbOptions } from './paced.ts';
import { paced } from './paced.ts';

interface WantedHealth {
  readonly loadBalancerId: string;
  readonly listenerIds: readonly string[];
}

/** One load balancer that is gone, or one answer that is too large, fails the whole call. */
const mayBeOneOfMany = (error: unknown): error is ClbError =>
  error instanceof ClbError &&
  (error.failure.kind === 'not-found' ||
    (error.failure.kind === 'refused' &&
      (error.failure.code.startsWith('InvalidParameter') ||
        error.failure.code === 'ResponseSizeLimitExceeded')));

const read = async (
  options: ClbOptions,
  wanted: readonly WantedHealth[],
): Promise<readonly TargetHealth[]> => {
  const [only] = wanted;
  if (only === undefined) return [];
  try {
    const answer = await paced(options, 'ready', 'DescribeTargetHealth', {
      LoadBalancerIds: wanted.map((one) => one.loadBalancerId),
      // Whether listeners of several load balancers may be named together is not documented.
      ...(wanted.length === 1 ? { ListenerIds: [...only.listenerIds] } : {}),
    });
    const listeners = new Set(wanted.flatMap((one) => one.listenerIds));
    return answer.targets.filter((target) => listeners.has(target.listenerId));
  } catch (error) {
    if (!mayBeOneOfMany(error)) throw error;
    if (wanted.length === 1) {
      if (error.failure.kind === 'not-found') return [];
      throw error;
    }
    const middle = Math.ceil(wanted.length / 2);
    return [
      ...(await read(options, wanted.slice(0, middle))),
      ...(await read(options, wanted.slice(middle))),
    ];
  }
};

/**
 * Health of the targets of these listeners, 30 load balancers a call. A load balancer or listener that is gone is
 * not in the answer. Throws ClbError.
 */
export const readHealth = async (
  options: ClbOptions,
  wanted: readonly WantedHealth[],
): Promise<readonly TargetHealth[]> => {
  const asked = wanted.filter((one) => one.listenerIds.length > 0);
  const seen: TargetHealth[] = [];
  for (const part of chunk(asked, limits.healthLoadBalancers)) seen.push(...(await read(options, part)));
  return seen;
};
