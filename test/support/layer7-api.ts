import { readersByAction } from '../../shared/clb/answers.ts';
import type { Action, Answer, ClbApi, Requests } from '../../shared/clb/clb-api.ts';
import { ClbError } from '../../shared/clb/clb-port.ts';
import type { Call } from './reconcile-world.ts';

interface Target {
  readonly ip: string;
  readonly port: number;
  weight: number;
}

interface Rule {
  readonly id: string;
  readonly domain: string;
  readonly url: string;
  settings: object;
  targets: Target[];
}

interface Listener {
  readonly id: string;
  name: string;
  readonly protocol: string;
  readonly port: number;
  settings: object;
  targets: Target[];
  readonly rules: Rule[];
}

/** One load balancer with listeners of both layers, in memory and at once: enough to follow the calls of a pass. */
export interface Layer7Api extends ClbApi {
  readonly loadBalancerId: string;
  readonly calls: Call[];
  /** What is bound, as `HTTP:80 a.example.com/ (owner): ip=weight …`. */
  bound(): readonly string[];
  /** Answers calls of the action with this code from now on, where `when` says so. */
  refuse(action: Action, code: string, when: (request: string) => boolean): void;
}

const vip = '203.0.113.9';

export const createLayer7Api = (): Layer7Api => {
  const loadBalancerId = 'lb-00000009';
  const calls: Call[] = [];
  const listeners: Listener[] = [];
  const refusals: { action: Action; code: string; when: (request: string) => boolean }[] = [];
  let ids = 0;
  const id = (kind: string): string => {
    ids += 1;
    return `${kind}-${String(ids).padStart(8, '0')}`;
  };
  const fail = (action: Action, what: string): never => {
    throw new ClbError(action, { kind: 'refused', code: 'InvalidParameter', message: what });
  };
  const listener = (action: Action, listenerId: string | undefined): Listener =>
    listeners.find((one) => one.id === listenerId) ?? fail(action, `no listener ${listenerId}`);
  const rule = (action: Action, listenerId: string | undefined, locationId: string): Rule =>
    listener(action, listenerId).rules.find((one) => one.id === locationId) ??
    fail(action, `no rule ${locationId}`);
  const place = (
    action: Action,
    { ListenerId, LocationId }: { ListenerId?: string; LocationId?: string },
  ): Listener | Rule => {
    const found = listener(action, ListenerId);
    if (LocationId !== undefined) return rule(action, ListenerId, LocationId);
    return found.protocol === 'HTTP' ? fail(action, 'LocationId is required') : found;
  };
  const shown = (targets: readonly Target[]) =>
    targets.map(({ ip, port, weight }) => ({
      Type: 'ENI',
      PrivateIpAddresses: [ip],
      Port: port,
      Weight: weight,
    }));
  const settingsOf = ({ HealthCheck, SessionExpireTime, Scheduler }: Record<string, unknown>) => ({
    HealthCheck,
    SessionExpireTime,
    Scheduler,
  });

  const actions: { readonly [A in Action]?: (request: Requests[A]) => object } = {
    DescribeLoadBalancers: () => ({
      TotalCount: 1,
      LoadBalancerSet: [{ LoadBalancerId: loadBalancerId, Status: 1, LoadBalancerVips: [vip] }],
    }),
    DescribeListeners: () => ({
      TotalCount: listeners.length,
      Listeners: listeners.map((one) => ({
        ListenerId: one.id,
        ListenerName: one.name,
        Protocol: one.protocol,
        Port: one.port,
        ...one.settings,
        Rules: one.rules.map(({ id: LocationId, domain: Domain, url: Url, settings }) => ({
          LocationId,
          Domain,
          Url,
          ...settings,
        })),
      })),
    }),
    DescribeTargets: () => ({
      Listeners: listeners.map((one) => ({
        ListenerId: one.id,
        ...(one.protocol === 'HTTP'
          ? { Rules: one.rules.map((each) => ({ LocationId: each.id, Targets: shown(each.targets) })) }
          : { Targets: shown(one.targets) }),
      })),
    }),
    DescribeTargetHealth: () => ({
      LoadBalancers: [
        {
          LoadBalancerId: loadBalancerId,
          Listeners: listeners.map((one) => ({
            ListenerId: one.id,
            Rules: one.rules.map((each) => ({
              LocationId: each.id,
              Targets: each.targets.map(({ ip, port }) => ({
                IP: ip,
                Port: port,
                HealthStatusDetail: 'Alive',
              })),
            })),
          })),
        },
      ],
    }),
    DescribeTaskStatus: () => ({ Status: 0 }),
    CreateListener: (request) => {
      const made = request.Ports.map(Number).map((port, at) => {
        if (listeners.some((one) => one.port === port))
          return fail('CreateListener', `port ${port} is taken`);
        const one: Listener = {
          id: id('lbl'),
          name: request.ListenerNames?.[at] ?? '',
          protocol: request.Protocol,
          port,
          settings: settingsOf({ ...request }),
          targets: [],
          rules: [],
        };
        listeners.push(one);
        return one.id;
      });
      return { ListenerIds: made };
    },
    ModifyListener: (request) => {
      const one = listener('ModifyListener', request.ListenerId);
      one.name = request.ListenerName ?? one.name;
      return {};
    },
    DeleteLoadBalancerListeners: ({ ListenerIds }) => {
      for (const listenerId of ListenerIds) {
        listeners.splice(listeners.indexOf(listener('DeleteLoadBalancerListeners', listenerId)), 1);
      }
      return {};
    },
    CreateRule: ({ ListenerId, Rules }) => {
      const { rules } = listener('CreateRule', ListenerId);
      const made = Rules.map((asked): Rule => {
        const { Domain = '', Url } = asked;
        if (rules.some(({ domain, url }) => domain === Domain && url === Url)) {
          return fail('CreateRule', 'the rule exists');
        }
        return { id: id('loc'), domain: Domain, url: Url, settings: settingsOf({ ...asked }), targets: [] };
      });
      rules.push(...made);
      return { LocationIds: made.map((one) => one.id) };
    },
    ModifyRule: (request) => {
      rule('ModifyRule', request.ListenerId, request.LocationId).settings = settingsOf({ ...request });
      return {};
    },
    DeleteRule: ({ ListenerId, LocationIds }) => {
      const { rules } = listener('DeleteRule', ListenerId);
      for (const locationId of LocationIds) {
        rules.splice(rules.indexOf(rule('DeleteRule', ListenerId, locationId)), 1);
      }
      return {};
    },
    BatchRegisterTargets: ({ Targets }) => {
      for (const asked of Targets) {
        const { targets } = place('BatchRegisterTargets', asked);
        const { EniIp: ip = '', Port: port, Weight: weight = 10 } = asked;
        if (!targets.some((one) => one.ip === ip && one.port === port)) targets.push({ ip, port, weight });
      }
      return { FailListenerIdSet: [], Message: '' };
    },
    BatchDeregisterTargets: ({ Targets }) => {
      for (const asked of Targets) {
        const at = place('BatchDeregisterTargets', asked);
        at.targets = at.targets.filter(({ ip, port }) => ip !== asked.EniIp || port !== asked.Port);
      }
      return { FailListenerIdSet: [], Message: '' };
    },
    BatchModifyTargetWeight: ({ ModifyList }) => {
      for (const entry of ModifyList) {
        const { targets } = place('BatchModifyTargetWeight', entry);
        for (const asked of entry.Targets ?? []) {
          const one = targets.find(({ ip, port }) => ip === asked.EniIp && port === asked.Port);
          if (one === undefined) fail('BatchModifyTargetWeight', 'not bound');
          else one.weight = asked.Weight ?? one.weight;
        }
      }
      return {};
    },
  };

  return {
    loadBalancerId,
    calls,
    call: async <A extends Action>(action: A, request: Requests[A], gate?: () => Promise<void>) => {
      await gate?.();
      const parameters: Readonly<Record<string, unknown>> = { ...request };
      const requestId = `request-${calls.length}`;
      const text = JSON.stringify(request);
      const refusal = refusals.find((one) => one.action === action && one.when(text));
      calls.push({ action, parameters, loadBalancerId, code: refusal?.code ?? 'OK' });
      if (refusal !== undefined) {
        const kind = refusal.code.startsWith('LimitExceeded') ? 'quota' : 'refused';
        throw new ClbError(action, { kind, code: refusal.code, message: 'as the test says' }, requestId);
      }
      const answer: Answer<A> = { ...readersByAction[action](actions[action]?.(request)), requestId };
      return answer;
    },
    close: () => {},
    bound: () =>
      listeners
        .flatMap(({ protocol, port, name, targets, rules }) => {
          const owner = name.slice(name.lastIndexOf('/') + 1);
          const line = (where: string, found: readonly Target[]): string =>
            `${protocol}:${port}${where} (${owner}): ${found
              .map(({ ip, weight }) => `${ip}=${weight}`)
              .sort()
              .join(' ')}`;
          return protocol === 'HTTP'
            ? rules.map((one) => line(` ${one.domain}${one.url}`, one.targets))
            : [line('', targets)];
        })
        .sort(),
    refuse: (action, code, when) => {
      refusals.push({ action, code, when });
    },
  };
};
