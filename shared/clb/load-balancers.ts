import type { Hold } from '../model/hold.ts';
import type { CreateLoadBalancer, ExistingLoadBalancer, FoundLoadBalancer } from './clb-port.ts';
import { ClbError } from './clb-port.ts';
import { explained } from './isolated.ts';
import { limits } from './limits.ts';
import type { ClbOptions } from './paced.ts';
import { paced } from './paced.ts';
import { Superseded, Writer } from './writer.ts';

/** The load balancer that carries all these tags, over all pages; one that runs before one that is being made. */
export const find = async (
  options: ClbOptions,
  tags: Readonly<Record<string, string>>,
): Promise<FoundLoadBalancer | undefined> => {
  const filters = Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }));
  // Without a filter it would find those of others (law L8).
  if (filters.length === 0) throw new RangeError('no tags to find a load balancer by');
  let found: FoundLoadBalancer | undefined;
  for (let offset = 0; ; ) {
    const page = await paced(options, 'rest', 'DescribeLoadBalancers', {
      Filters: filters,
      Limit: limits.pageRows,
      Offset: offset,
    });
    for (const { loadBalancerId, ready } of page.loadBalancers) {
      if (found === undefined || (ready && !found.ready)) found = { loadBalancerId, ready };
    }
    offset += page.loadBalancers.length;
    if (page.loadBalancers.length === 0 || offset >= page.total) return found;
  }
};

/** What an object names as its load balancer; undefined when there is none of that id. */
export const inspect = async (
  options: ClbOptions,
  loadBalancerId: string,
): Promise<ExistingLoadBalancer | undefined> => {
  const page = await paced(options, 'rest', 'DescribeLoadBalancers', { LoadBalancerIds: [loadBalancerId] });
  const found = page.loadBalancers.find((one) => one.loadBalancerId === loadBalancerId);
  if (found === undefined) return undefined;
  const { ready, addresses, tags, vpcId } = found;
  const otherVpc = options.vpcId !== undefined && vpcId !== undefined && vpcId !== options.vpcId;
  return { loadBalancerId, ready, addresses, tags, otherVpc };
};

/**
 * Asks for a load balancer; it is ready some seconds later. Undefined id: the CLB did not name it within the task's
 * time-out; `find` knows it later. Newer states do not stop it: the same call makes the same load balancer.
 */
export const create = async (
  options: ClbOptions,
  wanted: CreateLoadBalancer,
  hold: Hold,
): Promise<{ readonly loadBalancerId: string | undefined }> => {
  const action = 'CreateLoadBalancer';
  const writer = new Writer(options, hold, 'rest', false);
  const { network } = wanted;
  const answer = await writer.write(action, {
    LoadBalancerType: network.type === 'public' ? 'OPEN' : 'INTERNAL',
    LoadBalancerName: wanted.name,
    ClientToken: wanted.clientToken,
    Tags: Object.entries(wanted.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    ...(options.vpcId === undefined ? {} : { VpcId: options.vpcId }),
    ...(network.type === 'public' ? {} : { SubnetId: network.subnetId }),
  });
  const [named] = answer.loadBalancerIds;
  if (named !== undefined) return { loadBalancerId: named };
  const task = await writer.poll(
    action,
    answer.requestId,
    (seen) => seen.status !== 'running' || seen.loadBalancerIds.length > 0,
  );
  if (task?.status === 'failed') {
    throw new ClbError(action, { kind: 'unknown-outcome', message: task.message }, answer.requestId);
  }
  return { loadBalancerId: task?.loadBalancerIds[0] };
};

/**
 * Deletes a load balancer with everything in it. Looks first: it may be gone, or protected against deletion (then it
 * is left). With `asked` it only looks. Throws ClbError `busy` without deleting while it is still being made, and when newer
 * states arrived: they may want it again.
 */
export const remove = async (
  options: ClbOptions,
  loadBalancerId: string,
  hold: Hold,
  asked = false,
): Promise<{ readonly gone: boolean; readonly protected: boolean }> => {
  const action = 'DeleteLoadBalancer';
  const page = await paced(options, 'rest', 'DescribeLoadBalancers', { LoadBalancerIds: [loadBalancerId] });
  const found = page.loadBalancers.find((one) => one.loadBalancerId === loadBalancerId);
  if (found === undefined) return { gone: true, protected: false };
  if (found.deleteProtected) return { gone: false, protected: true };
  if (asked) return { gone: false, protected: false };
  if (!found.ready) throw new ClbError(action, { kind: 'busy', message: 'it is still being made' });
  try {
    await new Writer(options, hold, 'rest', true).write(action, {
      LoadBalancerIds: [loadBalancerId],
      // It is ours, and its object is gone: neither many targets nor recent traffic may keep it.
      ForceDelete: true,
    });
  } catch (error) {
    if (error instanceof Superseded) {
      throw new ClbError(action, { kind: 'busy', message: 'newer states arrived before it was deleted' });
    }
    const failure = error instanceof ClbError ? error.failure : undefined;
    if (failure?.kind === 'not-found') return { gone: true, protected: false };
    throw error instanceof ClbError ? await explained(options, 'rest', loadBalancerId, error) : error;
  }
  return { gone: false, protected: false };
};
