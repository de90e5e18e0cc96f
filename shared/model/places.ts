import { type DeriveOptions, hasSelector, serviceSelects, type Verdict } from './claim.ts';
import type {
  Backends,
  ListenerProtocol,
  ListenerSettings,
  ListenerWant,
  NodeState,
} from './desired-state.ts';
import { backendsNow, endpointsFromSlices } from './endpoints.ts';
import type {
  IngressFact,
  IngressRuleFact,
  OwnerFact,
  PodFact,
  ServiceFact,
  ServicePortFact,
} from './facts.ts';
import { endpointsOfNodes, nodesBehind } from './node-endpoints.ts';
import type { Place } from './place.ts';
import { samePlace } from './place.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

/** Everything that an object's listeners are made of. */
export interface Places {
  readonly listeners: readonly ListenerWant[];
  /** Pods behind them, and Pods whose gate the object holds. */
  readonly pods: readonly PodFact[];
  readonly nodes: readonly NodeState[];
  readonly problems: readonly Problem[];
}

/** What a listener gets without a TkeServiceConfig; the CLB's own defaults. */
export const defaultListenerSettings: ListenerSettings = {
  healthCheck: { enabled: true, intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 },
  sessionExpireSeconds: 0,
  scheduler: 'WRR',
};

export interface PlacesInput {
  readonly view: View;
  readonly mode: Verdict['mode'];
  readonly options: DeriveOptions;
  /** What the object wanted before, and whether that is known to be applied. */
  readonly before: readonly ListenerWant[];
  readonly applied: boolean;
  /** Unix ms. */
  readonly now: number;
}

/** Collects places with what stands behind each. */
class Collector {
  readonly #input: PlacesInput;
  readonly #settings: ListenerSettings;
  readonly #listeners: ListenerWant[] = [];
  readonly #pods = new Map<string, PodFact>();
  readonly #nodes = new Map<string, NodeState>();
  readonly #problems: Problem[] = [];

  constructor(input: PlacesInput, { sessionExpireSeconds = 0 }: OwnerFact) {
    this.#input = input;
    this.#settings = { ...defaultListenerSettings, sessionExpireSeconds };
  }

  report(problems: readonly Problem[]): void {
    this.#problems.push(...problems);
  }

  /** @param shared the object has several Services: whose Pods belong here is said */
  add(
    place: Place & { readonly protocol: ListenerProtocol },
    service: ServiceFact,
    port: ServicePortFact,
    shared: boolean,
  ): void {
    const { view, mode, options, before, applied, now } = this.#input;
    const selected =
      mode === 'direct' ? view.podsSelectedBy(service.ref.namespace, service.selector ?? {}) : [];
    let found: Backends['endpoints'];
    if (mode === 'direct') {
      const shown = endpointsFromSlices(view, service, port, options);
      this.report(shown.problems);
      found = shown.endpoints;
    } else {
      const behind = nodesBehind(view, service);
      this.report(behind.problems);
      for (const node of behind.nodes) this.#nodes.set(node.uid, node);
      found = endpointsOfNodes(view, behind.nodes, port);
    }
    const stood = before.find((listener) => samePlace(listener, place))?.backends;
    const belongs = (pod: PodFact): boolean => serviceSelects(service, pod);
    const stands = backendsNow(view, { mode, found, belongs }, stood, applied, now);
    for (const pod of selected) {
      this.#pods.set(pod.ref.uid, pod);
      this.report(pod.problems);
    }
    for (const { backendUid } of stands.endpoints) {
      const pod = view.pod(backendUid);
      if (pod !== undefined) this.#pods.set(backendUid, pod);
    }
    this.#listeners.push({
      ...place,
      settings: this.#settings,
      backends: {
        ...stands,
        ...(shared ? { podUids: selected.map(({ ref }) => ref.uid).sort() } : {}),
        publishNotReadyAddresses: service.publishNotReadyAddresses,
      },
    });
  }

  places(): Places {
    const distinct = new Map(this.#problems.map((entry) => [`${entry.code} ${entry.message}`, entry]));
    return {
      listeners: this.#listeners,
      pods: [...this.#pods.values()],
      nodes: [...this.#nodes.values()],
      problems: [...distinct.values()],
    };
  }
}

export const placesOfService = (input: PlacesInput, service: ServiceFact): Places => {
  const collector = new Collector(input, service);
  for (const port of service.ports) {
    const place = { protocol: port.protocol, port: port.port };
    if (port.protocol === 'TCP') collector.add(place, service, port, false);
    else {
      collector.report([
        problem('D1004', `Port ${port.port}: protocol ${port.protocol} is not served.`, {
          about: { listener: place },
        }),
      ]);
    }
  }
  return collector.places();
};

/** What stands behind a rule, or why nothing does. */
const backingOf = (
  { view, mode }: PlacesInput,
  namespace: string,
  { service: name, port: asked }: IngressRuleFact,
): { readonly service: ServiceFact; readonly port: ServicePortFact } | readonly [Problem['code'], string] => {
  const service = view.serviceNamed(namespace, name);
  if (service === undefined) return ['E4041', `there is no Service ${namespace}/${name}.`];
  const port = service.ports.find((one) => (typeof asked === 'number' ? one.port : one.name) === asked);
  if (port === undefined) return ['E4042', `Service ${name} has no port ${asked}.`];
  if (mode === 'direct' && !hasSelector(service)) return ['E4082', `Service ${name} has no selector.`];
  if (mode === 'node-port' && service.type !== 'NodePort' && service.type !== 'LoadBalancer') {
    return ['E4047', `Service ${name} is of type ${service.type}, which has no node port.`];
  }
  return { service, port };
};

export const placesOfIngress = (input: PlacesInput, ingress: IngressFact): Places => {
  const collector = new Collector(input, ingress);
  for (const port of ingress.ports) {
    for (const rule of ingress.rules) {
      const place = { protocol: 'HTTP' as const, port, rule: rule.rule };
      const backing = backingOf(input, ingress.ref.namespace, rule);
      if ('service' in backing) {
        collector.add(place, backing.service, backing.port, true);
        continue;
      }
      const [code, why] = backing;
      const where = `Rule ${rule.rule.domain}${rule.rule.url}`;
      collector.report([problem(code, `${where}: ${why}`, { about: { listener: place } })]);
    }
  }
  return collector.places();
};
