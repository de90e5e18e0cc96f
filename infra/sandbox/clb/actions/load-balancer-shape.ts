import { apiTime } from '../ids.ts';
import { type LoadBalancer, poolsOf } from '../load-balancer.ts';
import type { Answer } from './action.ts';

export const targetCount = ({ listeners }: LoadBalancer): number => {
  let count = 0;
  for (const listener of listeners.values()) {
    for (const pool of poolsOf(listener)) count += pool.size;
  }
  return count;
};

/** A load balancer as DescribeLoadBalancers shows it, with the real API's choice between null and "". */
export const loadBalancerShape = (lb: LoadBalancer, vipsWhileCreating: boolean): Answer => ({
  LoadBalancerId: lb.id,
  LoadBalancerName: lb.name,
  LoadBalancerType: lb.type,
  Forward: 1,
  Domain: '',
  LoadBalancerVips: lb.status === 1 || vipsWhileCreating ? [lb.vip] : [],
  Status: lb.status,
  CreateTime: apiTime(lb.createdAt),
  StatusTime: apiTime(lb.statusAt),
  ProjectId: lb.projectId,
  VpcId: lb.vpcId,
  OpenBgp: 0,
  Snat: false,
  Isolation: lb.isolatedAt === undefined ? 0 : 1,
  Log: '',
  SubnetId: lb.subnetId,
  Tags: lb.tags.map(({ TagKey, TagValue }) => ({ TagKey, TagValue })),
  SecureGroups: lb.securityGroups ?? [],
  TargetRegionInfo: { Region: lb.region, VpcId: lb.vpcId, NumericalVpcId: 1 },
  AnycastZone: '',
  AddressIPVersion: 'ipv4',
  NumericalVpcId: 1,
  VipIsp: lb.type === 'OPEN' ? 'BGP' : '',
  MasterZone: {
    ZoneId: 100001,
    Zone: `${lb.region}-1`,
    ZoneName: '',
    ZoneRegion: lb.region,
    LocalZone: false,
    EdgeZone: false,
  },
  BackupZoneSet: null,
  IsolatedTime: lb.isolatedAt === undefined ? null : apiTime(lb.isolatedAt),
  ExpireTime: null,
  ChargeType: lb.chargeType,
  NetworkAttributes:
    lb.type === 'OPEN'
      ? {
          InternetChargeType: lb.internetChargeType,
          InternetMaxBandwidthOut: lb.maxBandwidthMbps,
          BandwidthpkgSubType: null,
        }
      : null,
  PrepaidAttributes: null,
  LogSetId: '',
  LogTopicId: '',
  AddressIPv6: null,
  ExtraInfo: null,
  IsDDos: false,
  ConfigId: null,
  LoadBalancerPassToTarget: lb.passToTarget,
  ExclusiveCluster: null,
  IPv6Mode: null,
  SnatPro: lb.snatPro,
  SnatIps: [],
  SlaType: lb.slaType,
  IsBlock: false,
  IsBlockTime: null,
  LocalBgp: false,
  ClusterTag: null,
  MixIpTarget: false,
  Zones: null,
  NfvInfo: null,
  HealthLogSetId: '',
  HealthLogTopicId: '',
  ClusterIds: [],
  AttributeFlags: lb.deleteProtect ? ['DeleteProtect'] : [],
  LoadBalancerDomain: '',
  Egress: null,
  Exclusive: 0,
  TargetCount: null,
});
