import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { CallContext, Engine } from '../engine/engine.ts';
import type { Task } from '../engine/tasks.ts';
import { newId } from '../ids.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import type { Tag } from '../model.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { type Action, type Answer, action } from './action.ts';
import {
  chargePrepaid,
  exclusiveCluster,
  internetAccessible,
  zoneAffinity,
} from './load-balancer-parameters.ts';

const parameters = structure(
  { LoadBalancerType: word('OPEN', 'INTERNAL') },
  {
    Forward: integer(1, 1),
    LoadBalancerName: text({ min: 1, max: 80 }),
    VpcId: text(),
    SubnetId: text(),
    ProjectId: integer(0),
    AddressIPVersion: word('IPV4', 'IPV6', 'IPv6FullChain'),
    Number: integer(1, 20),
    MasterZoneId: text(),
    ZoneId: text(),
    SlaveZoneId: text(),
    InternetAccessible: internetAccessible,
    VipIsp: word('BGP', 'CMCC', 'CUCC', 'CTCC', 'INTERNAL'),
    Tags: list(structure({ TagKey: text({ min: 1, max: 127 }), TagValue: text({ max: 255 }) }, {}), {
      max: 20,
    }),
    Vip: text(),
    BandwidthPackageId: text(),
    ExclusiveCluster: exclusiveCluster,
    SlaType: text(),
    ClusterIds: list(text()),
    ClientToken: text({ min: 1, max: 64 }),
    SnatPro: flag,
    SnatIps: list(structure({ SubnetId: text() }, { Ip: text() })),
    ClusterTag: text(),
    EipAddressId: text(),
    LoadBalancerPassToTarget: flag,
    DynamicVip: flag,
    Egress: text(),
    LBChargePrepaid: chargePrepaid,
    LBChargeType: word('POSTPAID_BY_HOUR', 'PREPAID'),
    AccessLogTopicId: text(),
    AdvancedRoute: flag,
    AvailableZoneAffinityInfo: zoneAffinity,
  },
);

type Parameters = ReturnType<typeof parameters.parse>;

interface Remembered {
  readonly ids: readonly string[];
  readonly task: Task;
  readonly atMs: number;
}

const checkPlacement = (asked: Parameters, engine: Engine, context: CallContext): void => {
  if (asked.LoadBalancerType === 'INTERNAL') {
    if (asked.VpcId === undefined) throw missingParameter('VpcId');
    if (asked.SubnetId === undefined) throw missingParameter('SubnetId');
  }
  if (asked.VpcId !== undefined && asked.VpcId !== engine.vpcId) throw wrongValue('VpcId', asked.VpcId);
  if (asked.AddressIPVersion !== undefined && asked.AddressIPVersion !== 'IPV4') {
    throw new ApiError(
      'UnsupportedOperation',
      `AddressIPVersion ${asked.AddressIPVersion} is not simulated; only IPV4 is.`,
    );
  }
  if (asked.Vip !== undefined) {
    throw new ApiError('UnsupportedOperation', 'Choosing the Vip is not simulated.');
  }
  const { VipIsp, InternetAccessible } = asked;
  if (
    (VipIsp === 'CMCC' || VipIsp === 'CUCC' || VipIsp === 'CTCC') &&
    InternetAccessible?.InternetChargeType !== 'BANDWIDTH_PACKAGE'
  ) {
    throw new ApiError(
      'InvalidParameterValue',
      'The parameter InternetAccessible.InternetChargeType must be BANDWIDTH_PACKAGE when specify parameter VipIsp',
    );
  }
  const bound = engine.store
    .inRegion(context.region)
    .filter(({ type }) => type === asked.LoadBalancerType).length;
  const { quotaOpenLoadBalancers, quotaInternalLoadBalancers } = engine.settings;
  const quota = asked.LoadBalancerType === 'OPEN' ? quotaOpenLoadBalancers : quotaInternalLoadBalancers;
  if (bound + (asked.Number ?? 1) > quota) {
    throw new ApiError('LimitExceeded', `The quota of ${quota} load balancers is exceeded.`);
  }
};

const nameOf = (asked: Parameters, engine: Engine, region: string, id: string): string => {
  const { LoadBalancerName: wanted, Number: count = 1 } = asked;
  const free = !engine.store.inRegion(region).some(({ name }) => name === wanted);
  return wanted !== undefined && count === 1 && free ? wanted : `clb-${id.slice(3)}`;
};

/** All of them, or none. @throws ApiError ResourceInsufficient when no address is free */
const allocateVips = (count: number, { addresses }: Engine): string[] => {
  const vips: string[] = [];
  try {
    while (vips.length < count) vips.push(addresses.allocate('vip'));
    return vips;
  } catch (error) {
    for (const vip of vips) addresses.free(vip);
    throw new ApiError('ResourceInsufficient', error instanceof Error ? error.message : String(error));
  }
};

const build = (asked: Parameters, vip: string, engine: Engine, { region }: CallContext): LoadBalancer => {
  const now = new Date();
  const id = newId('lb');
  return {
    id,
    region,
    type: asked.LoadBalancerType,
    vip,
    vpcId: engine.vpcId,
    subnetId: asked.SubnetId ?? '',
    projectId: asked.ProjectId ?? 0,
    slaType: asked.SlaType ?? '',
    tags: asked.Tags?.map(({ TagKey, TagValue }): Tag => ({ TagKey, TagValue })) ?? [],
    createdAt: now,
    chargeType: asked.LBChargeType ?? 'POSTPAID_BY_HOUR',
    internetChargeType: asked.InternetAccessible?.InternetChargeType ?? 'TRAFFIC_POSTPAID_BY_HOUR',
    maxBandwidthMbps: asked.InternetAccessible?.InternetMaxBandwidthOut ?? 10,
    name: nameOf(asked, engine, region, id),
    status: 0,
    statusAt: now,
    passToTarget: asked.LoadBalancerPassToTarget ?? false,
    deleteProtect: false,
    snatPro: asked.SnatPro ?? false,
    listeners: new Map(),
  };
};

/**
 * Creates with Status 0 at once, Status 1 when the task completes. A repeated ClientToken answers the same
 * ids, also when they were deleted since; one that has expired is refused.
 */
export const createLoadBalancer = (): Action => {
  const remembered = new Map<string, Remembered>();

  const repeated = (key: string, engine: Engine, context: CallContext): Answer | undefined => {
    const known = remembered.get(key);
    if (known === undefined) return undefined;
    if (Date.now() - known.atMs > engine.clock.real(engine.settings.clientTokenLifeMs)) {
      throw new ApiError('InvalidParameter.ClientTokenLimitExceeded', 'The ClientToken has expired.');
    }
    engine.tasks.link(context.requestId, known.task);
    return { LoadBalancerIds: known.ids, DealName: '' };
  };

  const discard = (loadBalancers: readonly LoadBalancer[], engine: Engine): void => {
    for (const { id, vip } of loadBalancers) {
      engine.store.remove(id);
      engine.addresses.free(vip);
    }
  };

  return action(
    'CreateLoadBalancer',
    parameters,
    (asked, engine, context) => {
      const tokenKey = `${context.secretId} ${context.region} ${asked.ClientToken ?? ''}`;
      if (asked.ClientToken !== undefined) {
        const answer = repeated(tokenKey, engine, context);
        if (answer !== undefined) return answer;
      }
      checkPlacement(asked, engine, context);
      const vips = allocateVips(asked.Number ?? 1, engine);
      const made = vips.map((vip) => build(asked, vip, engine, context));
      for (const loadBalancer of made) {
        engine.store.add(loadBalancer);
        engine.events.emit('loadBalancer', { loadBalancerId: loadBalancer.id, change: 'creating' });
      }
      const ids = made.map(({ id }) => id);
      const task = engine.begin(ids, context, {
        taskName: 'CreateLoadBalancer',
        durationMs: engine.settings.createLoadBalancerMs,
        apply: () => {
          for (const loadBalancer of made) {
            loadBalancer.status = 1;
            loadBalancer.statusAt = new Date();
            engine.events.emit('loadBalancer', { loadBalancerId: loadBalancer.id, change: 'running' });
          }
        },
        failed: () => discard(made, engine),
      });
      if (asked.ClientToken !== undefined) remembered.set(tokenKey, { ids, task, atMs: Date.now() });
      return { LoadBalancerIds: ids, DealName: '' };
    },
    { rangeCode: 'InvalidParameterValue.Range' },
  );
};
