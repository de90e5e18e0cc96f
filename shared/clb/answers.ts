import type { ListenerSettings } from '../model/desired-state.ts';
import type { Health, ObservedLoadBalancer, ObservedTarget } from '../model/observed.ts';
import type { TargetHealth } from './clb-port.ts';
import { MalformedAnswer } from './errors.ts';
import type { Fields } from './fields.ts';
import { fields, integer, list, optionalInteger, optionalText, text, texts } from './fields.ts';
import { settingsFromApi } from './listener-settings.ts';

export interface DescribedLoadBalancer {
  readonly loadBalancerId: string;
  readonly ready: boolean;
  readonly deleteProtected: boolean;
  readonly addresses: ObservedLoadBalancer['addresses'];
}

export interface DescribedListener {
  readonly listenerId: string;
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly settings: ListenerSettings;
}

/** The targets of one listener. Those of layer-7 rules are not in it: no layer-7 listener is ours. */
export interface BoundTargets {
  readonly listenerId: string;
  readonly targets: readonly ObservedTarget[];
}

interface Batch {
  readonly failedListenerIds: readonly string[];
  readonly message: string;
}

/** What each action answers, once read. Beside it each has its RequestId, which is the task's id. */
export interface Answers {
  DescribeLoadBalancers: { readonly total: number; readonly loadBalancers: readonly DescribedLoadBalancer[] };
  DescribeListeners: { readonly listeners: readonly DescribedListener[] };
  DescribeTargets: { readonly listeners: readonly BoundTargets[] };
  DescribeTargetHealth: { readonly targets: readonly TargetHealth[] };
  DescribeTaskStatus: {
    readonly status: 'done' | 'failed' | 'running';
    readonly loadBalancerIds: readonly string[];
    readonly message: string;
  };
  CreateLoadBalancer: { readonly loadBalancerIds: readonly string[] };
  CreateListener: { readonly listenerIds: readonly string[] };
  BatchRegisterTargets: Batch;
  BatchDeregisterTargets: Batch;
  DeleteLoadBalancer: object;
  ModifyListener: object;
  DeleteLoadBalancerListeners: object;
  BatchModifyTargetWeight: object;
}

const each = <T>(value: unknown, at: string, read: (item: Fields, at: string) => T): readonly T[] =>
  list(value, at).map((item, index) => read(fields(item, `${at}.${index}`), `${at}.${index}`));

/** A domain-named load balancer has no address that lasts; users are given its name. */
const addressesOf = (item: Fields, at: string): DescribedLoadBalancer['addresses'] => {
  const hostname = optionalText(item['LoadBalancerDomain'], `${at}.LoadBalancerDomain`);
  if (hostname) return [{ kind: 'hostname', value: hostname }];
  const v6 = optionalText(item['AddressIPv6'], `${at}.AddressIPv6`);
  const ips = [...texts(item['LoadBalancerVips'], `${at}.LoadBalancerVips`), ...(v6 ? [v6] : [])];
  if (ips.length > 0) return ips.map((value) => ({ kind: 'ip', value }));
  const domain = optionalText(item['Domain'], `${at}.Domain`);
  return domain ? [{ kind: 'hostname', value: domain }] : [];
};

const loadBalancer = (item: Fields, at: string): DescribedLoadBalancer => ({
  loadBalancerId: text(item['LoadBalancerId'], `${at}.LoadBalancerId`),
  ready: integer(item['Status'], `${at}.Status`) === 1,
  deleteProtected: texts(item['AttributeFlags'], `${at}.AttributeFlags`).includes('DeleteProtect'),
  addresses: addressesOf(item, at),
});

const listener = (item: Fields, at: string): DescribedListener => ({
  listenerId: text(item['ListenerId'], `${at}.ListenerId`),
  name: optionalText(item['ListenerName'], `${at}.ListenerName`) ?? '',
  protocol: text(item['Protocol'], `${at}.Protocol`).toUpperCase(),
  port: integer(item['Port'], `${at}.Port`),
  settings: settingsFromApi(item, at),
});

/** Identity is (listener, private address, port): types and instance ids differ by how a target was bound. */
const boundTargets = (item: Fields, at: string): BoundTargets => ({
  listenerId: text(item['ListenerId'], `${at}.ListenerId`),
  targets: each(item['Targets'] ?? [], `${at}.Targets`, (target, at) => {
    const port = integer(target['Port'], `${at}.Port`);
    const weight = integer(target['Weight'], `${at}.Weight`);
    return texts(target['PrivateIpAddresses'], `${at}.PrivateIpAddresses`).map((ip) => ({
      ip,
      port,
      weight,
    }));
  }).flat(),
});

const states: Readonly<Record<string, Health>> = {
  Alive: 'Alive',
  Dead: 'Dead',
  Unknown: 'Unknown',
  Close: 'Close',
};

/** The detail counts, also under its misspelt name; the boolean (false: not yet probed, too) only without one. */
const healthOf = (target: Fields, at: string): Health => {
  const detail =
    optionalText(target['HealthStatusDetail'], `${at}.HealthStatusDetail`) ??
    optionalText(target['HealthStatusDetial'], `${at}.HealthStatusDetial`);
  if (detail) return states[detail] ?? 'Unknown';
  return target['HealthStatus'] === true ? 'Alive' : 'Unknown';
};

const health = (answer: Fields): readonly TargetHealth[] =>
  each(answer['LoadBalancers'], 'LoadBalancers', (one, at) => {
    const loadBalancerId = text(one['LoadBalancerId'], `${at}.LoadBalancerId`);
    return each(one['Listeners'] ?? [], `${at}.Listeners`, (listener, at) => {
      const listenerId = text(listener['ListenerId'], `${at}.ListenerId`);
      return each(listener['Rules'] ?? [], `${at}.Rules`, (rule, at) =>
        each(rule['Targets'] ?? [], `${at}.Targets`, (target, at) => ({
          loadBalancerId,
          listenerId,
          ip: text(target['IP'], `${at}.IP`),
          port: integer(target['Port'], `${at}.Port`),
          health: healthOf(target, at),
        })),
      ).flat();
    }).flat();
  }).flat();

const batch = (answer: Fields): Batch => ({
  failedListenerIds: texts(answer['FailListenerIdSet'], 'FailListenerIdSet'),
  message: optionalText(answer['Message'], 'Message') ?? '',
});

const taskStates = { 0: 'done', 1: 'failed', 2: 'running' } as const;

const taskState = (value: number): (typeof taskStates)[keyof typeof taskStates] => {
  if (value === 0 || value === 1 || value === 2) return taskStates[value];
  throw new MalformedAnswer(`Status is not a task's: ${value}`);
};

/** Reads the answer of each action; throws MalformedAnswer for one in another shape. */
export const readers: { readonly [A in keyof Answers]: (answer: Fields) => Answers[A] } = {
  DescribeLoadBalancers: (answer) => ({
    total: integer(answer['TotalCount'], 'TotalCount'),
    loadBalancers: each(answer['LoadBalancerSet'], 'LoadBalancerSet', loadBalancer),
  }),
  DescribeListeners: (answer) => {
    const listeners = each(answer['Listeners'], 'Listeners', listener);
    const total = optionalInteger(answer['TotalCount'], 'TotalCount') ?? listeners.length;
    if (total > listeners.length) throw new MalformedAnswer(`${listeners.length} of ${total} listeners`);
    return { listeners };
  },
  DescribeTargets: (answer) => ({ listeners: each(answer['Listeners'], 'Listeners', boundTargets) }),
  DescribeTargetHealth: (answer) => ({ targets: health(answer) }),
  DescribeTaskStatus: (answer) => ({
    status: taskState(integer(answer['Status'], 'Status')),
    loadBalancerIds: texts(answer['LoadBalancerIds'], 'LoadBalancerIds'),
    message: optionalText(answer['Message'], 'Message') ?? '',
  }),
  CreateLoadBalancer: (answer) => ({
    loadBalancerIds: texts(answer['LoadBalancerIds'], 'LoadBalancerIds'),
  }),
  CreateListener: (answer) => ({ listenerIds: texts(answer['ListenerIds'], 'ListenerIds') }),
  BatchRegisterTargets: batch,
  BatchDeregisterTargets: batch,
  DeleteLoadBalancer: () => ({}),
  ModifyListener: () => ({}),
  DeleteLoadBalancerListeners: () => ({}),
  BatchModifyTargetWeight: () => ({}),
};
