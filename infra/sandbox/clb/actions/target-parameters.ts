import { BlockList, isIPv4 } from 'node:net';
import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Listener, LoadBalancer } from '../load-balancer.ts';
import { integer, structure, text } from '../schema/fields.ts';

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
export interface TargetRequest {
  readonly listener: Listener;
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
    );
  }
  return { ip: EniIp, instanceId: '' };
};

/** @throws ApiError when the target names no address, two, or one that cannot be bound */
export const targetRequest = (
  asked: AskedTarget,
  listener: Listener,
  path: string,
  engine: Engine,
): TargetRequest => ({
  ...addressOf(asked, path, engine),
  listener,
  port: asked.Port,
  weight: asked.Weight,
  tag: asked.Tag ?? '',
});

/** @throws ApiError `code` when one target is there twice */
export const refuseDuplicates = (requests: readonly TargetRequest[], code: string): void => {
  const seen = new Set<string>();
  for (const { listener, ip, port } of requests) {
    const key = `${listener.id} ${ip} ${port}`;
    if (seen.has(key)) throw new ApiError(code, `Target ${ip}:${port} of ${listener.id} is duplicated.`);
    seen.add(key);
  }
};

/** What a layer-4 listener must not be given. @throws ApiError InvalidParameter.LocationNotFound */
export const checkLocation = (
  listener: Listener,
  locationId: string | undefined,
  engine: Engine,
  code = 'InvalidParameter.LocationNotFound',
): void => {
  if (locationId === undefined || locationId === '' || engine.settings.locationIdOnLayer4 === 'ignore')
    return;
  throw new ApiError(code, `LocationId ${locationId} not found in ${listener.id}.`);
};

/**
 * Quota of each listener, and one layer-4 listener of a protocol for each address and port.
 *
 * @throws ApiError LimitExceeded, InvalidParameter.PortCheckFailed
 */
export const checkBindable = (lb: LoadBalancer, requests: readonly TargetRequest[], engine: Engine): void => {
  const { quotaTargets, quotaCountsBoundAgain } = engine.settings;
  const asked = new Map<Listener, number>();
  const requested = new Map<string, Listener>();
  for (const { listener, ip, port } of requests) {
    const known = listener.pool.find(ip, port) !== undefined;
    if (!known || quotaCountsBoundAgain) asked.set(listener, (asked.get(listener) ?? 0) + 1);
    const quadruple = `${listener.protocol} ${ip} ${port}`;
    const other =
      requested.get(quadruple) ??
      [...lb.listeners.values()].find(
        ({ id, protocol, pool }) =>
          id !== listener.id && protocol === listener.protocol && pool.find(ip, port) !== undefined,
      );
    if (other !== undefined && other !== listener) {
      throw new ApiError(
        'InvalidParameter.PortCheckFailed',
        `(vip+protocol+rsip+rsport) should be globally unique for fourth layer listeners: ${ip}:${port} is bound to ${other.id}.`,
      );
    }
    requested.set(quadruple, listener);
  }
  for (const [listener, count] of asked) {
    if (listener.pool.size + count > quotaTargets) {
      throw new ApiError(
        'LimitExceeded',
        `The quota of ${quotaTargets} targets of ${listener.id} is exceeded.`,
      );
    }
  }
};
