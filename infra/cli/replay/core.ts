import { parseDesiredStateEvent } from '../../../shared/events/parse-event.ts';
import { provenBindings, type Registered, stillBound } from '../../../shared/model/bindings.ts';
import type { KeptState, ListenerSettings, LoadBalancerKey } from '../../../shared/model/desired-state.ts';
import { listenerOwner } from '../../../shared/model/names.ts';
import type {
  Binding,
  ObservedListener,
  ObservedLoadBalancer,
  TargetKey,
} from '../../../shared/model/observed.ts';
import { type Place, samePlace } from '../../../shared/model/place.ts';
import { claimsOf, plan } from '../../../shared/model/plan.ts';
import type { TargetHealthRead } from '../../../shared/model/plan-targets.ts';
import type { Plan, Policy } from '../../../shared/model/plan-types.ts';
import type { HistoryEvent } from '../../sandbox/scenario/history.ts';

type LoadBalancerSeen = Extract<HistoryEvent, { type: 'clb-state' }>['loadBalancer'];

/** What the pure core answers at one moment of a recorded run. */
export interface CorePoint {
  readonly timeMs: number;
  readonly loadBalancerKey: LoadBalancerKey;
  /** What came that it is asked again. */
  readonly cause: 'desired-state' | 'clb-state' | 'health';
  readonly about: string;
  /** Undefined: there is no load balancer yet, and the plan begins with making it. */
  readonly plan: Plan | undefined;
}

interface Recorded {
  readonly states: Map<string, KeptState>;
  seen: LoadBalancerSeen | undefined;
  bindings: readonly Binding[];
  ruleOwners: Plan['ruleOwners'];
  /** What the last plan wanted registered: a target that then shows up was bound for that Pod. */
  planned: readonly Registered[];
  readonly health: Map<string, TargetHealthRead>;
  lastAnswer: string | undefined;
}

const putMessage = 'desired state put';

/** The desired state that a line of the forwarder's log says was put; undefined: another line. */
export const desiredStateIn = (line: string): KeptState | undefined => {
  if (!line.includes(putMessage)) return undefined;
  try {
    const { message, event }: { message?: unknown; event?: unknown } = JSON.parse(line);
    if (message !== putMessage) return undefined;
    const parsed = parseDesiredStateEvent(event);
    return parsed.ok ? { sequence: parsed.event.sequence, state: parsed.event.data } : undefined;
  } catch {
    return undefined;
  }
};

/** Of what nobody wants: the core deletes it, or leaves it alone, whatever they are. */
const anySettings: ListenerSettings = {
  healthCheck: { enabled: true, intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 },
  sessionExpireSeconds: 0,
  scheduler: 'WRR',
};

const isHealth = (value: string): value is TargetHealthRead['health'] =>
  value === 'Alive' || value === 'Dead' || value === 'Unknown' || value === 'Close';

const keyOf = ({ listenerId, locationId = '', ip, port }: TargetKey): string =>
  `${listenerId} ${locationId} ${ip} ${port}`;

type ListenerSeen = LoadBalancerSeen['listeners'][number];
type TargetSeen = ListenerSeen['targets'][number];

const asObserved = ({ ip, port, weight }: TargetSeen) => ({ ip, port, weight });

/** The targets of a listener, each with the rule where it is, if it is in one. */
const targetsIn = ({
  targets,
  rules,
}: ListenerSeen): readonly (TargetSeen & { readonly locationId?: string })[] =>
  rules?.flatMap((rule) => rule.targets.map((target) => ({ ...target, locationId: rule.id }))) ?? targets;

/**
 * Feeds a recorded run to the pure core again: at each desired state that was put, each write that took effect and
 * each change of health, what `plan` answers. The settings of listeners and rules are not recorded; they count as
 * wanted.
 */
export class CoreReplay {
  readonly #policy: Policy;
  readonly #recorded = new Map<LoadBalancerKey, Recorded>();
  /** Load balancers that nobody wanted yet when they were seen. */
  readonly #unclaimed = new Map<string, LoadBalancerSeen>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  /** The core's answers, of the load balancers for which they are others than before. */
  add(event: HistoryEvent): readonly CorePoint[] {
    if (event.type === 'log') return this.#put(event.timeMs, event.line);
    if (event.type === 'clb-state') return this.#see(event.timeMs, event.loadBalancer);
    if (event.type === 'health') return this.#feel(event);
    return [];
  }

  #put(timeMs: number, line: string): readonly CorePoint[] {
    const kept = desiredStateIn(line);
    if (kept === undefined) return [];
    const { object, loadBalancerKey } = kept.state;
    const recorded = this.#of(loadBalancerKey);
    const before = recorded.states.get(object.uid);
    // Newest wins, as in the store.
    if (before !== undefined && before.sequence >= kept.sequence) return [];
    recorded.states.set(object.uid, kept);
    for (const seen of this.#unclaimed.values()) {
      if (!isOf(seen, loadBalancerKey)) continue;
      this.#unclaimed.delete(seen.id);
      this.#take(recorded, seen);
    }
    const about = `${object.kind} ${object.namespace}/${object.name} ${kept.sequence}`;
    return this.#ask(timeMs, loadBalancerKey, 'desired-state', about);
  }

  #see(timeMs: number, seen: LoadBalancerSeen): readonly CorePoint[] {
    for (const [key, recorded] of this.#recorded) {
      if (!isOf(seen, key)) continue;
      this.#take(recorded, seen);
      return this.#ask(timeMs, key, 'clb-state', seen.id);
    }
    this.#unclaimed.set(seen.id, seen);
    return [];
  }

  #feel(event: Extract<HistoryEvent, { type: 'health' }>): readonly CorePoint[] {
    const { loadBalancerId, listenerId, locationId, ip, port, to } = event;
    if (!isHealth(to)) return [];
    const target = { listenerId, ...(locationId === undefined ? {} : { locationId }), ip, port };
    for (const [key, recorded] of this.#recorded) {
      if (recorded.seen?.id !== loadBalancerId) continue;
      recorded.health.set(keyOf(target), { ...target, health: to });
      return this.#ask(event.timeMs, key, 'health', `${ip}:${port} ${to}`);
    }
    return [];
  }

  #of(key: LoadBalancerKey): Recorded {
    const recorded = this.#recorded.get(key) ?? {
      states: new Map(),
      seen: undefined,
      bindings: [],
      ruleOwners: [],
      planned: [],
      health: new Map(),
      lastAnswer: undefined,
    };
    this.#recorded.set(key, recorded);
    return recorded;
  }

  #take(recorded: Recorded, seen: LoadBalancerSeen): void {
    recorded.seen = seen;
    recorded.health.clear();
    for (const listener of seen.listeners) {
      for (const { locationId, ip, port, health } of targetsIn(listener)) {
        const rule = locationId === undefined ? {} : { locationId };
        const read = { listenerId: listener.id, ...rule, ip, port, health };
        recorded.health.set(keyOf(read), read);
      }
    }
  }

  #observed(seen: LoadBalancerSeen, states: readonly KeptState[]): ObservedLoadBalancer {
    /** Of whoever wants the place: of several one has it, and they are told so whatever its settings are. */
    const settingsAt = (place: Place, ownerUid?: string): ListenerSettings =>
      states
        .filter(({ state }) => ownerUid === undefined || state.object.uid === ownerUid)
        .flatMap(({ state }) => state.listeners)
        .find((want) => samePlace(want, place))?.settings ?? anySettings;
    const listeners = seen.listeners.map(({ id, name, protocol, port, targets, rules }): ObservedListener => {
      const ownerUid = listenerOwner(this.#policy.clusterId, name);
      return {
        listenerId: id,
        name,
        protocol,
        port,
        ours: ownerUid !== undefined,
        ...(ownerUid === undefined ? {} : { ownerUid }),
        settings: settingsAt({ protocol, port }, ownerUid),
        targets: rules === undefined ? targets.map(asObserved) : [],
        ...(rules === undefined
          ? {}
          : {
              rules: rules.map(({ id: locationId, domains, url, targets: behind }) => {
                // A rule for the load balancer's own address has it as its domain.
                const [domain = ''] = domains.map((one) => (one === seen.vip ? '' : one));
                const settings = settingsAt({ protocol, port, rule: { domain, url } });
                return { locationId, domain, url, settings, targets: behind.map(asObserved) };
              }),
            }),
      };
    });
    return { loadBalancerId: seen.id, addresses: [{ kind: 'ip', value: seen.vip }], listeners };
  }

  #ask(
    timeMs: number,
    loadBalancerKey: LoadBalancerKey,
    cause: CorePoint['cause'],
    about: string,
  ): readonly CorePoint[] {
    const recorded = this.#of(loadBalancerKey);
    const states = [...recorded.states.values()];
    const answer =
      recorded.seen === undefined ? undefined : this.#plan(timeMs, recorded, recorded.seen, states);
    const text = JSON.stringify([answer?.steps, answer?.problems, answer?.unexplained]);
    if (text === recorded.lastAnswer) return [];
    recorded.lastAnswer = text;
    return [{ timeMs, loadBalancerKey, cause, about, plan: answer }];
  }

  #plan(now: number, recorded: Recorded, seen: LoadBalancerSeen, states: readonly KeptState[]): Plan {
    const observed = this.#observed(seen, states);
    const known = { states, complete: true, ruleOwners: recorded.ruleOwners };
    const read = claimsOf(known, observed);
    const proven = provenBindings(read, recorded.bindings, recorded.planned, now);
    recorded.bindings = stillBound(proven, observed);
    const answer = plan({
      ...known,
      observed,
      bindings: recorded.bindings,
      registered: [],
      refused: [],
      health: [...recorded.health.values()],
      policy: this.#policy,
      now,
    });
    recorded.ruleOwners = answer.ruleOwners;
    recorded.planned = answer.steps.flatMap((step) =>
      step.do === 'register'
        ? step.targets.flatMap(({ backendUid, ...target }): Registered[] =>
            backendUid === undefined ? [] : [{ ...target, backendUid }],
          )
        : [],
    );
    return answer;
  }
}

/** Existing load balancers are known by their id, those that we made by the object that their tag names. */
const isOf = ({ id, tags }: LoadBalancerSeen, key: LoadBalancerKey): boolean =>
  id === key || tags.some(({ TagValue }) => TagValue === key);
