/** Of a number its range, of a text or a list its length. */
export interface Limit {
  readonly min?: number;
  readonly max?: number;
  /** All that a text may be. */
  readonly words?: readonly string[];
}

const between = (min: number, max?: number): Limit => ({ min, ...(max === undefined ? {} : { max }) });
const atMost = (max: number): Limit => ({ max });
const words = (text: string): Limit => ({ words: text.split(' ') });

const port = between(1, 65_535);
const weight = between(0, 100);
const onOff = between(0, 1);
const protocols = words('TCP UDP HTTP HTTPS TCP_SSL QUIC');
const schedulers = words('WRR LEAST_CONN IP_HASH');
const targetTypes = words('NODE TARGETGROUP TARGETGROUP-V2');
const forwardTypes = words('HTTP HTTPS GRPC GRPCS TRPC');
const compressions = words('transparent compatibility');

/**
 * What the documents say about the values of parameters, by object and member; of a request's own members the object
 * is its action. Written down from the documents, not from the schemas under test. Limits that are settings (targets
 * of a batch, ports of a CreateListener) have tests of their own.
 */
export const limits: Readonly<Record<string, Limit>> = {
  'CreateLoadBalancer.LoadBalancerType': words('OPEN INTERNAL'),
  'CreateLoadBalancer.Forward': between(1, 1),
  'CreateLoadBalancer.LoadBalancerName': between(1, 80),
  'CreateLoadBalancer.AddressIPVersion': words('IPV4 IPV6 IPv6FullChain'),
  'CreateLoadBalancer.Number': between(1, 20),
  'CreateLoadBalancer.Tags': atMost(20),
  'CreateLoadBalancer.ClientToken': atMost(64),
  'CreateLoadBalancer.VipIsp': words('BGP CMCC CUCC CTCC INTERNAL'),
  'CreateLoadBalancer.LBChargeType': words('POSTPAID_BY_HOUR PREPAID'),
  'InternetAccessible.InternetMaxBandwidthOut': between(1, 61_440),
  'InternetAccessible.InternetChargeType': words(
    'TRAFFIC_POSTPAID_BY_HOUR BANDWIDTH_POSTPAID_BY_HOUR BANDWIDTH_PACKAGE BANDWIDTH_PREPAID',
  ),
  'LBChargePrepaid.RenewFlag': words('AUTO_RENEW MANUAL_RENEW'),
  'DescribeLoadBalancers.LoadBalancerIds': atMost(20),
  'DescribeLoadBalancers.LoadBalancerType': words('OPEN INTERNAL'),
  'DescribeLoadBalancers.Forward': onOff,
  'DescribeLoadBalancers.Limit': between(1, 100),
  'DescribeLoadBalancers.OrderBy': words('LoadBalancerName CreateTime Domain LoadBalancerType'),
  'DescribeLoadBalancers.OrderType': onOff,
  'DescribeLoadBalancers.WithRs': between(-1, 1),
  'DescribeLoadBalancers.Filters': atMost(10),
  'DescribeLoadBalancersDetail.Limit': between(1, 100),
  'DescribeLoadBalancersDetail.Fields': words('LoadBalancerId'),
  'DescribeLoadBalancersDetail.TargetType': words('NODE GROUP'),
  'DeleteLoadBalancer.LoadBalancerIds': between(1, 20),
  'ModifyLoadBalancerAttributes.LoadBalancerName': between(1, 80),
  'ModifyLoadBalancerAttributes.SwitchFlag': between(0, 2),
  'SetLoadBalancerSecurityGroups.SecurityGroups': atMost(50),
  'SetSecurityGroupForLoadbalancers.OperationType': words('ADD DEL'),
  'SetSecurityGroupForLoadbalancers.LoadBalancerIds': between(1, 20),
  'DescribeLBListeners.Backends': between(1),

  'CreateListener.Ports': between(1),
  'CreateListener.Protocol': protocols,
  'CreateListener.SniSwitch': onOff,
  'CreateListener.TargetType': targetTypes,
  'CreateListener.SessionType': words('NORMAL QUIC_CID'),
  'CreateListener.KeepaliveEnable': onOff,
  'CreateListener.EndPort': port,
  'CreateListener.IdleConnectTimeout': between(10, 1_980),
  'CreateListener.DataCompressMode': compressions,
  'CreateListener.RescheduleStartTime': between(0, 3_600),
  'CreateListener.RescheduleInterval': between(0, 3_600),
  'CreateListener.SessionExpireTime': between(0, 3_600),
  'DescribeListeners.ListenerIds': atMost(100),
  'DescribeListeners.Protocol': protocols,
  'DescribeListeners.Port': port,
  'ModifyListener.ListenerName': between(1, 80),
  'ModifyListener.SessionExpireTime': between(0, 3_600),
  'ModifyListener.Scheduler': schedulers,
  'ModifyListener.SniSwitch': onOff,
  'ModifyListener.TargetType': targetTypes,
  'ModifyListener.KeepaliveEnable': onOff,
  'ModifyListener.SessionType': words('NORMAL QUIC_CID'),
  'ModifyListener.IdleConnectTimeout': between(10, 3_600),
  'ModifyListener.DataCompressMode': compressions,
  'ModifyListener.RescheduleStartTime': between(0, 3_600),
  'ModifyListener.RescheduleInterval': between(0, 3_600),
  'DeleteLoadBalancerListeners.ListenerIds': atMost(20),
  'SetLoadBalancerStartStatus.OperationType': words('Start Stop'),
  'SetLoadBalancerStartStatus.ListenerIds': between(1),

  'CreateRule.Rules': between(1),
  'RuleInput.Url': between(1, 200),
  'RuleInput.Domain': between(1, 80),
  'RuleInput.SessionExpireTime': between(0, 86_400),
  'RuleInput.Scheduler': schedulers,
  'RuleInput.ForwardType': forwardTypes,
  'RuleInput.TargetType': targetTypes,
  'ModifyRule.Url': between(1, 200),
  'ModifyRule.Scheduler': schedulers,
  'ModifyRule.SessionExpireTime': between(0, 86_400),
  'ModifyRule.ForwardType': forwardTypes,
  'ModifyDomain.NewDomain': between(1, 120),
  'ModifyDomainAttributes.NewDomain': between(1, 120),

  'HealthCheck.HealthSwitch': onOff,
  'HealthCheck.TimeOut': between(2, 60),
  'HealthCheck.IntervalTime': between(2, 300),
  'HealthCheck.HealthNum': between(2, 10),
  'HealthCheck.UnHealthNum': between(2, 10),
  'HealthCheck.HttpCode': between(1, 31),
  'HealthCheck.HttpCheckMethod': words('HEAD GET'),
  'HealthCheck.CheckPort': between(-1, 65_535),
  'HealthCheck.ContextType': words('HEX TEXT'),
  'HealthCheck.SendContext': atMost(500),
  'HealthCheck.RecvContext': atMost(500),
  'HealthCheck.CheckType': words('TCP HTTP HTTPS GRPC CUSTOM PING'),
  'HealthCheck.HttpVersion': words('HTTP/1.0 HTTP/1.1'),
  'HealthCheck.SourceIpType': onOff,
  'CertificateInput.SSLMode': words('UNIDIRECTIONAL MUTUAL'),
  'CertificateInput.SSLVerifyClient': words('ON OPTIONAL'),
  'MultiCertInfo.SSLMode': words('UNIDIRECTIONAL MUTUAL'),
  'MultiCertInfo.SSLVerifyClient': words('ON OPTIONAL'),

  'Target.Port': port,
  'Target.Weight': weight,
  'BatchTarget.Port': port,
  'BatchTarget.Weight': weight,
  'RsWeightRule.Targets': between(1, 50),
  'RsWeightRule.Weight': weight,
  'RegisterTargets.Targets': between(1, 20),
  'DeregisterTargets.Targets': between(1, 20),
  'ModifyTargetWeight.Targets': between(1),
  'ModifyTargetWeight.Weight': weight,
  'BatchRegisterTargets.Targets': between(1),
  'BatchDeregisterTargets.Targets': between(1),
  'ModifyTargetPort.Targets': between(1),
  'ModifyTargetPort.NewPort': port,
  'RsTagRule.Targets': between(1),
  'BatchModifyTargetTag.ModifyList': between(1),
  'BatchModifyTargetWeight.ModifyList': between(1, 100),
  'DescribeTargets.ListenerIds': atMost(20),
  'DescribeTargets.Protocol': protocols,
  'DescribeTargets.Port': port,
  'DescribeTargetHealth.LoadBalancerIds': between(1, 30),
};

/** The actions that document a code of its own for what is out of range. */
export const codesOfRange: readonly string[] = [
  'CreateLoadBalancer',
  'DescribeLoadBalancers',
  'DescribeLoadBalancersDetail',
  'BatchDeregisterTargets',
];
