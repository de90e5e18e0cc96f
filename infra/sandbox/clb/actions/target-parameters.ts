import { BlockList, isIPv4 } from 'node:net';
import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Listener, LoadBalancer } from '../load-balancer.ts';
import type { Pool } from '../pool.ts';
import type { Place } from '../runtime.ts';
import { integer, structure, text } from '../schema/fields.ts';
import { getRule } from '../store.ts';

const address = { InstanceId: text(), EniIp: text(), Tag: text(), Weight: integer(0, 100) };

export const batchTargetField = structure(
  { ListenerId: text(), Port: integer(1, 65_535) },
  { ...address, LocationId: text() },
);

/** The documents make Port optional; without it nothing can be bound. */
export const targetField = structure({ Port: integer(1, 65_535) }, { ...address, Type: text() });

export interface AskedTarget {
  readonly Port: number;
  readonly InstanceId?: string;
  readonly EniIp?: string;
  readonly Weight?: number;
  readonly Tag?: string;
}

/** A target of a request, found to be well-formed. */
export interface TargetRequest extends Place {
  readonly ip: string;
  readonly port: number;
  readonly instanceId: string;
  readonly weight: number | undefined;
  readonly tag: string;
}

const inCidr = (ip: string, cidr: string): boolean => {
  const [network = '', prefix = '32'] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(network, Number(prefix));
  return block.check(ip);
};

const addressOf = (asked: AskedTarget, path: string, engine: Engine): { ip: string; instanceId: string } => {
  const { InstanceId, EniIp } = asked;
  if (InstanceId !== undefined && EniIp !== undefined) {
    throw new ApiError('InvalidParameter', `Exactly one of InstanceId and EniIp is to be set in ${path}.`);
  }
  if (InstanceId !== undefined) {
    const ip = engine.instances.get(InstanceId);
    if (ip === undefined) throw wrongValue(`${path}.InstanceId`, InstanceId);
    return { ip, instanceId: InstanceId };
  }
  if (EniIp === undefined) throw missingParameter(`${path}.EniIp`);
  if (!isIPv4(EniIp)) throw wrongValue(`${path}.EniIp`, EniIp);
  if (engine.settings.targetOutsideVpc === 'refuse' && !inCidr(EniIp, engine.vpcCidr)) {
    throw new ApiError(
      'InvalidParameterValue',
      `The EniIp ${EniIp} in ${path} is not in the VPC ${engine.vpcCidr}.`,
      'InvalidParameter',
    );
  }
  return { ip: EniIp, instanceId: '' };
};

/** @throws ApiError when the target names no address, two, or one that cannot be bound */
export const targetRequest = (
  asked: AskedTarget,
  { loadBalancer, listener, pool }: Place,
  path: string,
  engine: Engine,
): TargetRequest => ({
  ...addressOf(asked, path, engine),
  loadBalancer,
  listener,
  pool,
  port: asked.Port,
  weight: asked.Weight,
  tag: asked.Tag ?? '',
});

/** @throws ApiError `code` when one target is there twice */
export const refuseDuplicates = (requests: readonly TargetRequest[], code: string): void => {
  const seen = new Set<string>();
  for (const request of requests) {
    const { pool, ip, port } = request;
    const key = `${pool.locationId} ${ip} ${port}`;
    if (seen.has(key)) throw new ApiError(code, `Target ${ip}:${port} of ${nameOf(request)} is duplicated.`);
    seen.add(key);
  }
};

/** How messages name a pool: by its rule, where it has one. */
const nameOf = ({ listener, pool }: Pick<Place, 'listener' | 'pool'>): string =>
  listener.layer === 4 ? listener.id : pool.locationId;

/** @throws ApiError InvalidParameter when one of the targets is not bound, and that matters */
export const refuseUnbound = (requests: readonly TargetRequest[], policy: 'error' | 'ignore'): void => {
  const unbound = requests.find(({ pool, ip, port }) => pool.find(ip, port) === undefined);
  if (unbound === undefined || policy === 'ignore') return;
  throw new ApiError(
    'InvalidParameter',
    `Target ${unbound.ip}:${unbound.port} is not bound to ${nameOf(unbound)}.`,
  );
};

/** @throws ApiError InvalidParameter when one of the targets is bound already */
export const refuseBound = (requests: readonly TargetRequest[]): void => {
  const bound = requests.find(({ pool, ip, port }) => pool.find(ip, port) !== undefined);
  if (bound === undefined) return;
  throw new ApiError('InvalidParameter', `Target ${bound.ip}:${bound.port} is bound to ${nameOf(bound)}.`);
};

/** How a request says which of a layer-7 listener's rules it means; the id decides where it is given. */
export interface AskedRule {
  readonly LocationId?: string;
  readonly Domain?: string;
  readonly Url?: string;
}

/**
 * The pool that a request means. A layer-4 listener must not be given a rule, a layer-7 listener must.
 *
 * @param path of the object that has the members of {@link AskedRule}
 * @throws ApiError `code`, MissingParameter
 */
export const placeOf = (
  loadBalancer: LoadBalancer,
  listener: Listener,
  { LocationId: id = '', Domain: domain, Url: url }: AskedRule,
  path: string,
  engine: Engine,
  code = 'InvalidParameter',
): Place => {
  if (listener.layer === 4) {
    if (id !== '' && engine.settings.locationIdOnLayer4 === 'refuse') {
      throw new ApiError(code, `LocationId ${id} not found in ${listener.id}.`);
    }
    return { loadBalancer, listener, pool: listener.pool };
  }
  if (id !== '') return { loadBalancer, listener, pool: getRule(listener, id, code).pool };
  if (domain === undefined || url === undefined) {
    throw missingParameter(path === '' ? 'LocationId' : `${path}.LocationId`);
  }
  const rule = [...listener.rules.values()].find((one) => one.domains.includes(domain) && one.url === url);
  if (rule === undefined) throw new ApiError(code, `Rule ${domain}${url} not found in ${listener.id}.`);
  return { loadBalancer, listener, pool: rule.pool };
};

/**
 * In layer 4 an address and port is bound to one listener of a protocol only; rules share them freely.
 *
 * @throws ApiError InvalidParameter.PortCheckFailed
 */
export const refuseSecondListener = (
  lb: LoadBalancer,
  requests: readonly TargetRequest[],
  engine: Engine,
): void => {
  const requested = new Map<string, Listener>();
  for (const { listener, ip, port } of requests) {
    if (listener.layer === 7) continue;
    const quadruple = `${listener.protocol} ${ip} ${port}`;
    const other =
      requested.get(quadruple) ??
      [...lb.listeners.values()].find(
        (one) =>
          one.layer === 4 &&
          one.id !== listener.id &&
          one.protocol === listener.protocol &&
          one.pool.find(ip, port) !== undefined,
      );
    if (other !== undefined && other !== listener) {
      throw new ApiError(
        engine.settings.boundTwiceCode,
        `(vip+protocol+rsip+rsport) should be globally unique for fourth layer listeners: ${ip}:${port} is bound to ${other.id}.`,
        'InvalidParameter',
      );
    }
    requested.set(quadruple, listener);
  }
};

/**
 * Quota of each listener or rule, and one layer-4 listener of a protocol for each address and port.
 *
 * @throws ApiError LimitExceeded, InvalidParameter.PortCheckFailed
 */
export const checkBindable = (lb: LoadBalancer, requests: readonly TargetRequest[], engine: Engine): void => {
  const { quotaTargets, quotaCountsBoundAgain } = engine.settings;
  refuseSecondListener(lb, requests, engine);
  const asked = new Map<Pool, { count: number; name: string }>();
  for (const request of requests) {
    const { pool, ip, port } = request;
    if (pool.find(ip, port) !== undefined && !quotaCountsBoundAgain) continue;
    const { count } = asked.get(pool) ?? { count: 0 };
    asked.set(pool, { count: count + 1, name: nameOf(request) });
  }
  for (const [pool, { count, name }] of asked) {
    if (pool.size + count > quotaTargets) {
      throw new ApiError('LimitExceeded', `The quota of ${quotaTargets} targets of ${name} is exceeded.`);
    }
  }
};
