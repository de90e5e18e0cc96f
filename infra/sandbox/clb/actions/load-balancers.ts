import { ApiError, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import { type LoadBalancer, poolsOf } from '../load-balancer.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { type Action, action } from './action.ts';
import { internetAccessible, targetRegionInfo } from './load-balancer-parameters.ts';
import { loadBalancerShape, targetCount } from './load-balancer-shape.ts';

type Filter = { readonly Name: string; readonly Values: readonly string[] };

const filterValue: Record<string, (lb: LoadBalancer) => readonly string[]> = {
  'charge-type': (lb) => [lb.chargeType],
  'internet-charge-type': (lb) => (lb.type === 'OPEN' ? [lb.internetChargeType] : []),
  'master-zone-id': () => ['100001'],
  'tag-key': (lb) => lb.tags.map(({ TagKey }) => TagKey),
  'function-name': () => [],
  'vip-isp': (lb) => (lb.type === 'OPEN' ? ['BGP'] : []),
  'sla-type': (lb) => [lb.slaType],
  exclusive: () => ['0'],
};

/** @throws ApiError InvalidParameterValue.InvalidFilter, whether there is something to filter or not */
const checkFilter = ({ Name }: Filter): void => {
  if (Name.startsWith('tag:') || Object.hasOwn(filterValue, Name)) return;
  throw new ApiError('InvalidParameterValue.InvalidFilter', `The filter \`${Name}\` is not valid.`);
};

const passes = (lb: LoadBalancer, { Name, Values }: Filter): boolean => {
  if (Name.startsWith('tag:')) {
    const key = Name.slice('tag:'.length);
    return lb.tags.some(({ TagKey, TagValue }) => TagKey === key && Values.includes(TagValue));
  }
  return filterValue[Name]?.(lb).some((value) => Values.includes(value)) === true;
};

const has = (value: string, part: string | undefined): boolean => part === undefined || value.includes(part);

const orders = {
  LoadBalancerName: (lb: LoadBalancer) => lb.name,
  CreateTime: (lb: LoadBalancer) => lb.createdAt.toISOString(),
  Domain: () => '',
  LoadBalancerType: (lb: LoadBalancer) => lb.type,
} as const;

const describeLoadBalancers = action(
  'DescribeLoadBalancers',
  structure(
    {},
    {
      LoadBalancerIds: list(text(), { max: 20 }),
      LoadBalancerType: word('OPEN', 'INTERNAL'),
      Forward: integer(0, 1),
      LoadBalancerName: text(),
      Domain: text(),
      LoadBalancerVips: list(text()),
      BackendPublicIps: list(text()),
      BackendPrivateIps: list(text()),
      Offset: integer(0),
      Limit: integer(1, 100),
      OrderBy: word('LoadBalancerName', 'CreateTime', 'Domain', 'LoadBalancerType'),
      OrderType: integer(0, 1),
      SearchKey: text(),
      ProjectId: integer(),
      WithRs: integer(-1, 1),
      VpcId: text(),
      SecurityGroup: text(),
      MasterZone: text(),
      Filters: list(structure({ Name: text(), Values: list(text(), { max: 100 }) }, {}), { max: 10 }),
      AdditionalFields: list(text()),
    },
  ),
  (asked, engine, { region }) => {
    const { settings } = engine;
    if (asked.Filters?.length === 0 && settings.emptyFilters === 'refuse') throw wrongValue('Filters', []);
    asked.Filters?.forEach(checkFilter);
    const { LoadBalancerIds: ids, LoadBalancerVips: vips, BackendPrivateIps: privateIps } = asked;
    const boundTo = (lb: LoadBalancer): string[] =>
      [...lb.listeners.values()].flatMap(poolsOf).flatMap((pool) => [...pool.targets].map(({ ip }) => ip));
    const found = engine.store
      .inRegion(region)
      .filter(
        (lb) =>
          (ids === undefined || ids.length === 0 || ids.includes(lb.id)) &&
          (asked.LoadBalancerType === undefined || lb.type === asked.LoadBalancerType) &&
          asked.Forward !== 0 &&
          has(lb.name, asked.LoadBalancerName) &&
          (asked.Domain === undefined || asked.Domain === '') &&
          (vips === undefined || vips.includes(lb.vip)) &&
          (asked.BackendPublicIps === undefined || asked.BackendPublicIps.length === 0) &&
          (privateIps === undefined || boundTo(lb).some((ip) => privateIps.includes(ip))) &&
          has(`${lb.name} ${lb.vip} ${lb.id}`, asked.SearchKey) &&
          (asked.ProjectId === undefined || lb.projectId === asked.ProjectId) &&
          (asked.WithRs === undefined ||
            asked.WithRs === -1 ||
            (asked.WithRs === 1) === targetCount(lb) > 0) &&
          (asked.VpcId === undefined || lb.vpcId === asked.VpcId) &&
          (asked.SecurityGroup === undefined || lb.securityGroups?.includes(asked.SecurityGroup) === true) &&
          (asked.MasterZone === undefined || asked.MasterZone === `${lb.region}-1`) &&
          (asked.Filters ?? []).every((filter) => passes(lb, filter)),
      );
    const order = orders[asked.OrderBy ?? 'CreateTime'];
    const sign = asked.OrderType === 0 ? 1 : -1;
    found.sort((a, b) => sign * order(a).localeCompare(order(b)));
    const offset = asked.Offset ?? 0;
    const withCount = asked.AdditionalFields?.includes('TargetCount') === true;
    return {
      TotalCount: found.length,
      LoadBalancerSet: found.slice(offset, offset + (asked.Limit ?? 20)).map((lb) => ({
        ...loadBalancerShape(lb, settings.vipsWhileCreating),
        ...(withCount ? { TargetCount: targetCount(lb) } : {}),
      })),
    };
  },
  { rangeCode: 'InvalidParameterValue.Range' },
);

const destroy = (lb: LoadBalancer, engine: Engine): void => {
  for (const listener of [...lb.listeners.values()]) engine.runtime.closeListener(lb, listener);
  engine.store.remove(lb.id);
  engine.addresses.free(lb.vip);
  engine.events.emit('loadBalancer', { loadBalancerId: lb.id, change: 'deleted' });
};

const deleteLoadBalancer = (): Action => {
  const deletedAtMs: number[] = [];
  return action(
    'DeleteLoadBalancer',
    structure({ LoadBalancerIds: list(text(), { min: 1, max: 20 }) }, { ForceDelete: flag }),
    (asked, engine, context) => {
      const { settings } = engine;
      const ids = [...new Set(asked.LoadBalancerIds)];
      const found = ids.map((id) => engine.writable(id, context.region));
      for (const lb of found) {
        if (lb.deleteProtect) {
          throw new ApiError(settings.deleteProtectCode, `Deletion protection of ${lb.id} is enabled.`);
        }
        if (targetCount(lb) > settings.maxTargetsOfUnforcedDeletion && asked.ForceDelete !== true) {
          throw new ApiError(
            'FailedOperation.TargetNumCheckRisk',
            `${lb.id} has ${targetCount(lb)} targets; deleting it must be forced.`,
          );
        }
      }
      const sinceMs = Date.now() - engine.clock.real(5 * 60_000);
      if (
        deletedAtMs.filter((atMs) => atMs > sinceMs).length + ids.length >
        settings.maxDeletionsPerFiveMinutes
      ) {
        throw new ApiError(
          'FailedOperation.FrequencyCheckRisk',
          'Too many load balancers were deleted within 5 minutes.',
        );
      }
      engine.begin(ids, context, {
        taskName: 'DeleteLoadBalancer',
        durationMs: settings.deleteLoadBalancerMs,
        apply: () => {
          for (const lb of found) destroy(lb, engine);
        },
      });
      deletedAtMs.push(...ids.map(() => Date.now()));
      deletedAtMs.splice(0, Math.max(0, deletedAtMs.length - 1_000));
      return {};
    },
  );
};

const modifyLoadBalancerAttributes = action(
  'ModifyLoadBalancerAttributes',
  structure(
    { LoadBalancerId: text() },
    {
      LoadBalancerName: text({ min: 1, max: 80 }),
      TargetRegionInfo: targetRegionInfo,
      InternetChargeInfo: internetAccessible,
      LoadBalancerPassToTarget: flag,
      SwitchFlag: integer(0, 2),
      SnatPro: flag,
      DeleteProtect: flag,
      ModifyClassicDomain: flag,
      AssociateEndpoint: text(),
    },
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    engine.begin([lb.id], context, {
      taskName: 'ModifyLoadBalancerAttributes',
      durationMs: engine.settings.modifyLoadBalancerMs,
      apply: () => {
        lb.name = asked.LoadBalancerName ?? lb.name;
        lb.passToTarget = asked.LoadBalancerPassToTarget ?? lb.passToTarget;
        lb.deleteProtect = asked.DeleteProtect ?? lb.deleteProtect;
        lb.snatPro = asked.SnatPro ?? lb.snatPro;
        lb.internetChargeType = asked.InternetChargeInfo?.InternetChargeType ?? lb.internetChargeType;
        lb.maxBandwidthMbps = asked.InternetChargeInfo?.InternetMaxBandwidthOut ?? lb.maxBandwidthMbps;
        engine.events.emit('loadBalancer', { loadBalancerId: lb.id, change: 'modified' });
      },
    });
    return { DealName: null };
  },
);

export const loadBalancerActions = (): Action[] => [
  describeLoadBalancers,
  deleteLoadBalancer(),
  modifyLoadBalancerAttributes,
];
