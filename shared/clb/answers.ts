import * as z from 'zod/mini';
import { reasonOf } from '../events/schema.ts';
import type { ListenerSettings } from '../model/desired-state.ts';
import type { Health, ObservedLoadBalancer, ObservedTarget } from '../model/observed.ts';
import type { RuleKey } from '../model/place.ts';
import type { TargetHealth } from './clb-port.ts';
import { MalformedAnswer } from './errors.ts';
import { settingsFromApi } from './listener-settings.ts';

export interface DescribedLoadBalancer {
  readonly loadBalancerId: string;
  readonly ready: boolean;
  /** For arrears, or because it expired: it carries nothing and takes no change. */
  readonly isolated: boolean;
  readonly deleteProtected: boolean;
  readonly vpcId?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly addresses: ObservedLoadBalancer['addresses'];
}

export interface DescribedRule extends RuleKey {
  readonly locationId: string;
  readonly settings: ListenerSettings;
}

export interface DescribedListener {
  readonly listenerId: string;
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly settings: ListenerSettings;
  /** Layer 7. */
  readonly rules?: readonly DescribedRule[];
}

/** The targets of one listener: its own in layer 4, those of its rules in layer 7. */
export interface BoundTargets {
  readonly listenerId: string;
  readonly targets: readonly ObservedTarget[];
  readonly rules?: readonly { readonly locationId: string; readonly targets: readonly ObservedTarget[] }[];
}

/**
 * Reads an answer into what we use of it. A field that must be there and is not makes the answer malformed: an
 * absent list is not an empty one (law L5).
 */
const reader =
  <S extends z.ZodMiniType, T>(schema: S, read: (answer: z.output<S>) => T) =>
  (answer: unknown): T => {
    const parsed = schema.safeParse(answer);
    if (!parsed.success) throw new MalformedAnswer(reasonOf(parsed.error));
    return read(parsed.data);
  };

const text = z.nullish(z.string());
const integer = z.nullish(z.int());
const texts = z.pipe(
  z.nullish(z.array(z.string())),
  z.transform((value) => value ?? []),
);

const loadBalancer = z.object({
  LoadBalancerId: z.string(),
  Status: z.int(),
  Isolation: integer,
  LoadBalancerVips: texts,
  AddressIPv6: text,
  LoadBalancerDomain: text,
  Domain: text,
  AttributeFlags: texts,
  VpcId: text,
  Tags: z.nullish(z.array(z.object({ TagKey: z.string(), TagValue: text }))),
});

/** A domain-named load balancer has no address that lasts; users are given its name. */
const addressesOf = (one: z.output<typeof loadBalancer>): ObservedLoadBalancer['addresses'] => {
  if (one.LoadBalancerDomain) return [{ kind: 'hostname', value: one.LoadBalancerDomain }];
  const ips = [...one.LoadBalancerVips, ...(one.AddressIPv6 ? [one.AddressIPv6] : [])];
  if (ips.length > 0) return ips.map((value) => ({ kind: 'ip', value }));
  return one.Domain ? [{ kind: 'hostname', value: one.Domain }] : [];
};

const settings = {
  HealthCheck: z.nullish(
    z.object({
      HealthSwitch: integer,
      IntervalTime: integer,
      TimeOut: integer,
      HealthNum: integer,
      UnHealthNum: integer,
    }),
  ),
  SessionExpireTime: integer,
  Scheduler: text,
};

const listener = z.object({
  ListenerId: z.string(),
  ListenerName: text,
  Protocol: z.string(),
  Port: z.int(),
  Rules: z.nullish(z.array(z.object({ LocationId: z.string(), Domain: text, Url: z.string(), ...settings }))),
  ...settings,
});

const isLayer7 = (protocol: string): boolean => protocol === 'HTTP' || protocol === 'HTTPS';

const backends = z.nullish(
  z.array(
    z.object({
      PrivateIpAddresses: texts,
      Port: z.int(),
      Weight: z.int(),
      Type: text,
      InstanceId: text,
    }),
  ),
);

/** Identity is the place, private address and port; how a target was bound matters to who takes it away. */
const targetsOf = (found: z.output<typeof backends>): readonly ObservedTarget[] =>
  (found ?? []).flatMap(({ PrivateIpAddresses, Port: port, Weight: weight, Type, InstanceId }) =>
    PrivateIpAddresses.map((ip) => ({
      ip,
      port,
      weight,
      ...(Type?.toUpperCase() === 'CVM' && InstanceId ? { instanceId: InstanceId } : {}),
    })),
  );

const boundListener = z.object({
  ListenerId: z.string(),
  Targets: backends,
  Rules: z.nullish(z.array(z.object({ LocationId: z.string(), Targets: backends }))),
});

const probedTarget = z.object({
  IP: z.string(),
  Port: z.int(),
  HealthStatus: z.nullish(z.boolean()),
  HealthStatusDetail: text,
  /** Misspelt by the API, and on its way out. */
  HealthStatusDetial: text,
});
const probedRule = z.object({ LocationId: text, Targets: z.nullish(z.array(probedTarget)) });
const probedListener = z.object({ ListenerId: z.string(), Rules: z.nullish(z.array(probedRule)) });
const probed = z.object({ LoadBalancerId: z.string(), Listeners: z.nullish(z.array(probedListener)) });

/** The boolean counts only without a detail, and false may mean not yet probed. */
const healthOf = (target: z.output<typeof probedTarget>): Health => {
  const detail = target.HealthStatusDetail || target.HealthStatusDetial;
  if (!detail) return target.HealthStatus === true ? 'Alive' : 'Unknown';
  return detail === 'Alive' || detail === 'Dead' || detail === 'Close' ? detail : 'Unknown';
};

const taskStates = ['done', 'failed', 'running'] as const;

const batch = reader(z.object({ FailListenerIdSet: texts, Message: text }), (answer) => ({
  failedListenerIds: answer.FailListenerIdSet,
  message: answer.Message ?? '',
}));

const nothing = reader(z.object({}), () => ({}));

/** The reader of each action's answer. They throw MalformedAnswer. */
export const readers = {
  DescribeLoadBalancers: reader(
    z.object({ TotalCount: z.int(), LoadBalancerSet: z.array(loadBalancer) }),
    (answer) => ({
      total: answer.TotalCount,
      loadBalancers: answer.LoadBalancerSet.map(
        (one): DescribedLoadBalancer => ({
          loadBalancerId: one.LoadBalancerId,
          ready: one.Status === 1,
          isolated: one.Isolation === 1,
          deleteProtected: one.AttributeFlags.includes('DeleteProtect'),
          ...(one.VpcId ? { vpcId: one.VpcId } : {}),
          tags: Object.fromEntries((one.Tags ?? []).map(({ TagKey, TagValue }) => [TagKey, TagValue ?? ''])),
          addresses: addressesOf(one),
        }),
      ),
    }),
  ),
  DescribeListeners: reader(z.object({ Listeners: z.array(listener), TotalCount: integer }), (answer) => {
    const listeners = answer.Listeners.map(
      (one): DescribedListener => ({
        listenerId: one.ListenerId,
        name: one.ListenerName ?? '',
        protocol: one.Protocol.toUpperCase(),
        port: one.Port,
        settings: settingsFromApi(one),
        ...(isLayer7(one.Protocol.toUpperCase())
          ? {
              rules: (one.Rules ?? []).map((rule) => ({
                locationId: rule.LocationId,
                domain: rule.Domain ?? '',
                url: rule.Url,
                settings: settingsFromApi(rule),
              })),
            }
          : {}),
      }),
    );
    const total = answer.TotalCount ?? listeners.length;
    if (total > listeners.length) throw new MalformedAnswer(`${listeners.length} of ${total} listeners`);
    return { listeners };
  }),
  DescribeTargets: reader(z.object({ Listeners: z.array(boundListener) }), (answer) => ({
    listeners: answer.Listeners.map(
      (one): BoundTargets => ({
        listenerId: one.ListenerId,
        targets: targetsOf(one.Targets),
        ...(one.Rules
          ? {
              rules: one.Rules.map(({ LocationId: locationId, Targets }) => ({
                locationId,
                targets: targetsOf(Targets),
              })),
            }
          : {}),
      }),
    ),
  })),
  DescribeTargetHealth: reader(z.object({ LoadBalancers: z.array(probed) }), (answer) => ({
    targets: answer.LoadBalancers.flatMap((one) =>
      (one.Listeners ?? []).flatMap((listener) =>
        (listener.Rules ?? []).flatMap((rule) =>
          (rule.Targets ?? []).map(
            (target): TargetHealth => ({
              loadBalancerId: one.LoadBalancerId,
              listenerId: listener.ListenerId,
              ...(rule.LocationId ? { locationId: rule.LocationId } : {}),
              ip: target.IP,
              port: target.Port,
              health: healthOf(target),
            }),
          ),
        ),
      ),
    ),
  })),
  DescribeTaskStatus: reader(
    z.object({ Status: z.int(), LoadBalancerIds: texts, Message: text }),
    (answer) => {
      const status = taskStates[answer.Status];
      if (status === undefined) throw new MalformedAnswer(`Status: ${answer.Status} is not a task's`);
      return { status, loadBalancerIds: answer.LoadBalancerIds, message: answer.Message ?? '' };
    },
  ),
  CreateLoadBalancer: reader(z.object({ LoadBalancerIds: texts }), (answer) => ({
    loadBalancerIds: answer.LoadBalancerIds,
  })),
  CreateListener: reader(z.object({ ListenerIds: texts }), (answer) => ({
    listenerIds: answer.ListenerIds,
  })),
  CreateRule: reader(z.object({ LocationIds: texts }), (answer) => ({ locationIds: answer.LocationIds })),
  BatchRegisterTargets: batch,
  BatchDeregisterTargets: batch,
  DeleteLoadBalancer: nothing,
  ModifyListener: nothing,
  ModifyRule: nothing,
  DeleteRule: nothing,
  DeleteLoadBalancerListeners: nothing,
  BatchModifyTargetWeight: nothing,
};

/** The task of an asynchronous call has the call's own id. */
export const requestIdOf = reader(z.object({ RequestId: z.string() }), (answer) => answer.RequestId);

export type Answers = { readonly [A in keyof typeof readers]: ReturnType<(typeof readers)[A]> };

/** The same table, as seen by code that is generic in the action. */
export const readersByAction: { readonly [A in keyof Answers]: (answer: unknown) => Answers[A] } = readers;
