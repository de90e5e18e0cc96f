import type { Engine } from '../engine/engine.ts';
import { apiTime } from '../ids.ts';
import type { Listener, LoadBalancer, Rule } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import type { ClbSettings } from '../settings.ts';
import { loadBalancerShape } from './load-balancer-shape.ts';
import { targetIdOf } from './target-id.ts';

/** What a row says of its load balancer. */
const loadBalancerFields = (lb: LoadBalancer, { vipsWhileCreating }: ClbSettings) => {
  const shown = loadBalancerShape(lb, vipsWhileCreating);
  return {
    LoadBalancerId: lb.id,
    LoadBalancerName: lb.name,
    LoadBalancerType: lb.type === 'OPEN' ? 'Public' : 'Private',
    Status: lb.status,
    Address: lb.status === 1 || vipsWhileCreating ? lb.vip : null,
    AddressIPv6: null,
    AddressIPVersion: 'IPv4',
    IPv6Mode: null,
    Zone: `${lb.region}-1`,
    AddressIsp: lb.type === 'OPEN' ? 'BGP' : 'INTERNAL',
    VpcId: lb.vpcId,
    ProjectId: lb.projectId,
    CreateTime: apiTime(lb.createdAt),
    ChargeType: lb.chargeType,
    NetworkAttributes: shown['NetworkAttributes'],
    PrepaidAttributes: null,
    ExtraInfo: null,
    ConfigId: null,
    Tags: lb.tags.map(({ TagKey, TagValue }) => ({ TagKey, TagValue })),
    Isolation: lb.isolatedAt === undefined ? 0 : 1,
    SecurityGroup: lb.securityGroups ?? [],
    LoadBalancerPassToTarget: lb.passToTarget ? 1 : 0,
    SlaveZone: null,
    Zones: null,
    LoadBalancerDomain: '',
    Egress: '',
    AttributeFlags: shown['AttributeFlags'],
    SlaType: lb.slaType,
    Exclusive: 0,
    AvailableZoneAffinityInfo: null,
  };
};

const listenerFields = (listener: Listener | undefined) => ({
  ListenerId: listener?.id ?? null,
  Protocol: listener?.protocol ?? null,
  Port: listener?.port ?? null,
  SniSwitch: listener === undefined ? null : listener.layer === 7 && listener.sni === true ? 1 : 0,
});

const ruleFields = (rule: Rule | undefined) => ({
  LocationId: rule?.id ?? null,
  Domain: rule?.domains[0] ?? null,
  Url: rule?.url ?? null,
  Domains: rule?.domains.join(',') ?? null,
});

const targetFields = (target: Target | undefined, settings: ClbSettings) => ({
  TargetId: target === undefined ? null : targetIdOf(target, settings),
  TargetAddress: target?.ip ?? null,
  TargetPort: target?.port ?? null,
  TargetWeight: target?.weight ?? null,
  TargetHealth: target?.health ?? null,
});

/** A row of DescribeLoadBalancersDetail with every field. */
export type DetailRow = Readonly<
  ReturnType<typeof loadBalancerFields> &
    ReturnType<typeof listenerFields> &
    ReturnType<typeof ruleFields> &
    ReturnType<typeof targetFields>
>;

/** What a row says below its load balancer. */
const inner = [
  'ListenerId',
  'Protocol',
  'Port',
  'LocationId',
  'Domain',
  'Url',
  'TargetId',
  'TargetAddress',
  'TargetPort',
  'TargetWeight',
  'TargetHealth',
  'Domains',
  'SniSwitch',
] as const satisfies readonly (keyof DetailRow)[];

const innerNames: ReadonlySet<string> = new Set(inner);

/** Such a field is of a listener, a rule or a target. */
export const isInner = (field: string): boolean => innerNames.has(field);

/** Every field of a row. */
export const detailFields = [
  'LoadBalancerId',
  'LoadBalancerName',
  'LoadBalancerType',
  'Status',
  'Address',
  'AddressIPv6',
  'AddressIPVersion',
  'IPv6Mode',
  'Zone',
  'AddressIsp',
  'VpcId',
  'ProjectId',
  'CreateTime',
  'ChargeType',
  'NetworkAttributes',
  'PrepaidAttributes',
  'ExtraInfo',
  'ConfigId',
  'Tags',
  'Isolation',
  'SecurityGroup',
  'LoadBalancerPassToTarget',
  'SlaveZone',
  'Zones',
  'LoadBalancerDomain',
  'Egress',
  'AttributeFlags',
  'SlaType',
  'Exclusive',
  'AvailableZoneAffinityInfo',
  ...inner,
] as const satisfies readonly (keyof DetailRow)[];

export type DetailField = (typeof detailFields)[number];

/** With nothing where there is nothing: a load balancer without listeners is one row, and so on. */
const orNothing = <T>(items: Iterable<T>): readonly (T | undefined)[] => {
  const all = [...items];
  return all.length === 0 ? [undefined] : all;
};

const placesOf = (
  listener: Listener | undefined,
): readonly { readonly rule?: Rule; readonly pool?: Pool }[] => {
  if (listener === undefined) return [{}];
  if (listener.layer === 4) return [{ pool: listener.pool }];
  return orNothing(listener.rules.values()).map((rule) =>
    rule === undefined ? {} : { rule, pool: rule.pool },
  );
};

/** All of a region: one row for each target of each rule of each listener of each load balancer; newest first. */
export const detailRows = ({ store, settings }: Engine, region: string): readonly DetailRow[] =>
  store
    .inRegion(region)
    .toReversed()
    .flatMap((lb) => {
      const own = loadBalancerFields(lb, settings);
      return orNothing(lb.listeners.values()).flatMap((listener) =>
        placesOf(listener).flatMap(({ rule, pool }) =>
          orNothing(pool?.targets ?? []).map((target) => ({
            ...own,
            ...listenerFields(listener),
            ...ruleFields(rule),
            ...targetFields(target, settings),
          })),
        ),
      );
    });
