import { isDeepStrictEqual } from './deep-equal.ts';
import type {
  Backends,
  DesiredState,
  Endpoint,
  Lane,
  LeavingCause,
  LeavingEndpoint,
  ListenerSettings,
  ListenerWant,
  PodState,
} from './desired-state.ts';
import type { PodFact, ServiceFact, ServicePortFact } from './facts.ts';
import type { EvidenceWanted } from './hold.ts';
import { type Problem, problem } from './problems.ts';
import { isNewer } from './resource-version.ts';
import type { View } from './view.ts';

export interface DeriveOptions {
  /** `annotation`: every LoadBalancer Service without a class. `class`: Services with our class. */
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  /** Direct mode needs an ENI address of each Pod (VPC-CNI shared with GlobalRouter). */
  readonly requireEni: boolean;
}

/** The last state put for an object, and whether the store knows it applied. */
export interface Previous {
  readonly state: DesiredState;
  readonly applied: boolean;
}

export const loadBalancerClass = 'clb-direct.io/clb';

/** What a listener gets without a TkeServiceConfig; the CLB's own defaults. */
export const defaultListenerSettings: ListenerSettings = {
  healthCheck: { enabled: true, intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 },
  sessionExpireSeconds: 0,
  scheduler: 'WRR',
};

const isClaimed = (service: ServiceFact, claim: DeriveOptions['claim']): boolean =>
  service.type === 'LoadBalancer' &&
  (claim === 'annotation'
    ? service.loadBalancerClass === undefined
    : service.loadBalancerClass === loadBalancerClass);

const hasSelector = (service: ServiceFact): boolean =>
  service.selector !== undefined && Object.keys(service.selector).length > 0;

export const serviceSelects = (service: ServiceFact, pod: PodFact): boolean =>
  hasSelector(service) &&
  pod.ref.namespace === service.ref.namespace &&
  Object.entries(service.selector ?? {}).every(([key, value]) => pod.labels[key] === value);

interface Verdict {
  readonly intent: DesiredState['intent'];
  readonly problems: readonly Problem[];
}

/** What is to become of a Service, before its Pods are looked at. Undefined: none of our business. */
const verdictOf = (service: ServiceFact, options: DeriveOptions, known: boolean): Verdict | undefined => {
  const ours = known || service.finalizer;
  if (service.deleting || !isClaimed(service, options.claim)) {
    return ours ? { intent: 'release', problems: [] } : undefined;
  }
  if (service.mode === 'skip') return ours ? { intent: 'skip', problems: [] } : undefined;
  const report = (more: Problem): Verdict => ({ intent: 'report', problems: [...service.problems, more] });
  if (service.existingLoadBalancerId !== undefined) {
    return report(problem('D1007', `Existing load balancer ${service.existingLoadBalancerId} is asked for.`));
  }
  const direct = service.mode === 'direct';
  if (direct && !hasSelector(service)) {
    return report(problem('E4082', `Service ${service.ref.name} has no selector.`));
  }
  // An object that is served already goes on when its configuration turns bad (law L12).
  if (direct || service.finalizer) {
    const warning = problem('D1003', 'Direct access is no longer asked for; it goes on.', {
      severity: 'warning',
    });
    return { intent: 'serve', problems: direct ? service.problems : [...service.problems, warning] };
  }
  if (service.mode === undefined) return { intent: 'report', problems: service.problems };
  return report(problem('D1003', 'Direct access is not asked for.', { severity: 'warning' }));
};

const isServed = (service: ServiceFact, options: DeriveOptions): boolean =>
  verdictOf(service, options, false)?.intent === 'serve';

/** UIDs of the claimed direct Services that hold the Pod's gate. */
export const holdersOf = (view: View, pod: PodFact, options: DeriveOptions): readonly string[] =>
  view
    .servicesSelecting(pod)
    .filter((service) => isServed(service, options))
    .map((service) => service.ref.uid)
    .sort();

const podState = (view: View, pod: PodFact, options: DeriveOptions): PodState => {
  const gate = pod.gates.find((candidate) => candidate.type === options.gateType);
  const foreign = pod.gates.filter((candidate) => candidate.type !== options.gateType);
  return {
    ref: pod.ref,
    resourceVersion: pod.resourceVersion,
    ips: pod.ips,
    containersReady: pod.containersReady,
    ...(pod.containersReadyChangedAt === undefined
      ? {}
      : { containersReadyChangedAt: pod.containersReadyChangedAt }),
    ready: pod.ready,
    ...(pod.readyChangedAt === undefined ? {} : { readyChangedAt: pod.readyChangedAt }),
    ...(gate === undefined ? {} : { gate }),
    foreignGatesOpen: foreign.every((candidate) => candidate.status === 'True'),
    ...(pod.terminatingAt === undefined ? {} : { terminatingAt: pod.terminatingAt }),
    ended: pod.ended,
    ...(pod.customWeight === undefined ? {} : { customWeight: pod.customWeight }),
    heldBy: holdersOf(view, pod, options),
  };
};

/**
 * What the store was told is never undone by an older fact, as a lagging API server gives one: per UID the
 * resourceVersion orders truth, and terminating is one-way (law L2).
 */
const notOlder = (fact: PodState, before: PodState | undefined): PodState => {
  if (before === undefined) return fact;
  const known = isNewer(before.resourceVersion, fact.resourceVersion) ? before : fact;
  const { terminatingAt } = before;
  return known.terminatingAt === undefined && terminatingAt !== undefined
    ? { ...known, terminatingAt }
    : known;
};

/** Why a Pod cannot be a direct backend, if so. */
const unreachable = (pod: PodFact, options: DeriveOptions): Problem | undefined => {
  const reason = pod.hostNetwork
    ? 'it uses the host network'
    : options.requireEni && !pod.eni
      ? 'it has no ENI address'
      : undefined;
  return reason === undefined
    ? undefined
    : problem('E4033', `Pod ${pod.ref.namespace}/${pod.ref.name} cannot be reached directly: ${reason}.`, {
        about: { podUid: pod.ref.uid },
      });
};

interface Found {
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly Problem[];
}

/** The endpoints that slices show for one port of the Service, each checked against its very Pod (law L9). */
const endpointsFromSlices = (
  view: View,
  service: ServiceFact,
  port: ServicePortFact,
  options: DeriveOptions,
): Found => {
  const endpoints: Endpoint[] = [];
  const problems: Problem[] = [];
  for (const slice of view.slicesOf(service.ref.namespace, service.ref.name)) {
    if (slice.addressType !== 'IPv4') continue;
    const slicePort = slice.ports.find(
      (candidate) => candidate.name === port.name && candidate.protocol === port.protocol,
    )?.port;
    if (slicePort === undefined) continue;
    for (const endpoint of slice.endpoints) {
      for (const ip of endpoint.addresses) {
        const refuse = (why: string): void => {
          problems.push(
            problem('D1002', `EndpointSlice ${slice.ref.name}: address ${ip} is not bound: ${why}.`, {
              severity: 'warning',
            }),
          );
        };
        const { target } = endpoint;
        if (target?.kind !== 'Pod') {
          refuse('it names no Pod');
          continue;
        }
        if (target.namespace !== service.ref.namespace) {
          refuse(`it names a Pod of namespace ${target.namespace}`);
          continue;
        }
        const pod = view.pod(target.uid);
        // A slice may be ahead of its Pod: not yet, and no problem.
        if (pod === undefined || pod.ips.length === 0) continue;
        if (pod.ref.name !== target.name || !pod.ips.includes(ip)) {
          refuse(`it is no address of Pod ${target.name} (${pod.ips.join(', ')})`);
          continue;
        }
        const why = unreachable(pod, options);
        if (why !== undefined) {
          problems.push(why);
          continue;
        }
        endpoints.push({ ip, port: slicePort, podUid: pod.ref.uid });
      }
    }
  }
  return { endpoints, problems };
};

/**
 * What became of an endpoint that was behind a listener: it is one still (`stays`), it left for a cause that was
 * seen, or nothing tells (law L5).
 */
const fateOf = (
  view: View,
  service: ServiceFact,
  was: { readonly ip: string; readonly port: number; readonly podUid: string },
  found: readonly Endpoint[],
): 'stays' | LeavingCause | undefined => {
  const pod = view.pod(was.podUid);
  if (pod === undefined) {
    if (view.gonePod(was.podUid) !== undefined) return 'pod-deleted';
    const other = view.podAt(was.ip);
    return other === undefined ? undefined : 'other-pod';
  }
  if (pod.ended) return 'pod-ended';
  if (pod.ips.length > 0 && !pod.ips.includes(was.ip)) return 'address-changed';
  if (!serviceSelects(service, pod)) return 'unselected';
  const elsewhere = found.some((endpoint) => endpoint.podUid === was.podUid && endpoint.port !== was.port);
  return elsewhere ? 'port-changed' : 'stays';
};

const sameAddress = (
  a: { readonly ip: string; readonly port: number },
  b: { readonly ip: string; readonly port: number },
): boolean => a.ip === b.ip && a.port === b.port;

const backendsOf = (
  view: View,
  service: ServiceFact,
  found: readonly Endpoint[],
  before: Backends | undefined,
  previousApplied: boolean,
  now: number,
): Backends => {
  const endpoints = [...found];
  const leaving: LeavingEndpoint[] = [];
  const podsAt = new Map<string, readonly string[]>();
  const placeOf = ({ ip, port }: { readonly ip: string; readonly port: number }): string => `${ip} ${port}`;
  for (const endpoint of found) {
    const place = placeOf(endpoint);
    podsAt.set(place, [...(podsAt.get(place) ?? []), endpoint.podUid]);
  }
  /** Some Pod is wanted at the address; with a UID: that one. */
  const wanted = (address: {
    readonly ip: string;
    readonly port: number;
    readonly podUid?: string;
  }): boolean => {
    const uids = podsAt.get(placeOf(address));
    return uids !== undefined && (address.podUid === undefined || uids.includes(address.podUid));
  };
  for (const was of before?.endpoints ?? []) {
    if (wanted(was)) continue;
    const fate = fateOf(view, service, was, found);
    // A slice that lost an endpoint is no evidence while its Pod lives and matches.
    if (fate === 'stays') endpoints.push(was);
    else if (fate !== undefined) leaving.push({ ...was, cause: fate, since: now });
  }
  for (const was of before?.leaving ?? []) {
    if (wanted(was) || previousApplied) continue;
    const { podUid } = was;
    const fate = podUid === undefined ? undefined : fateOf(view, service, { ...was, podUid }, found);
    const cause = fate === undefined || fate === 'stays' ? was.cause : fate;
    leaving.push({ ...was, cause });
  }
  const order = (a: { ip: string; port: number }, b: { ip: string; port: number }): number =>
    a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1;
  return {
    endpoints: endpoints.sort(order),
    leaving: leaving.sort(order),
    publishNotReadyAddresses: service.publishNotReadyAddresses,
  };
};

const backendsBefore = (previous: Previous | undefined, port: ServicePortFact): Backends | undefined =>
  previous?.state.listeners.find(
    (listener) => listener.protocol === port.protocol && listener.port === port.port,
  )?.backends;

/** The identity and the life of an object, whatever becomes of it. */
const frame = (service: ServiceFact, verdict: Verdict): Omit<DesiredState, 'listeners' | 'pods'> => ({
  object: service.ref,
  resourceVersion: service.resourceVersion,
  createdAt: service.createdAt,
  loadBalancerKey: service.ref.uid,
  intent: verdict.intent,
  finalizer: service.finalizer,
  deleting: service.deleting,
  loadBalancer: {
    source: 'created',
    network:
      service.internalSubnetId === undefined
        ? { type: 'public' }
        : { type: 'internal', subnetId: service.internalSubnetId },
    ...(service.life === undefined ? {} : { life: service.life }),
  },
  shown: {
    ...(service.writtenLoadBalancerId === undefined ? {} : { loadBalancerId: service.writtenLoadBalancerId }),
    addresses: service.statusAddresses,
  },
  ...(service.ordinalWeights === undefined ? {} : { ordinalWeights: service.ordinalWeights }),
  problems: verdict.problems,
});

/** An object that is gone though we made something for it: somebody took our finalizer off. */
const vanished = (previous: Previous): DesiredState | undefined =>
  previous.state.intent === 'release' && previous.applied
    ? undefined
    : { ...previous.state, intent: 'release', finalizer: false, deleting: true, listeners: [], pods: [] };

/**
 * What one Service wants now, from the facts alone. Pods that stopped being behind it since `previous` are listed
 * as leaving with their cause, until applied. Undefined: nothing to put (not claimed, nothing of ours on it,
 * never put).
 *
 * @param now Unix ms
 */
export const desiredState = (
  view: View,
  serviceUid: string,
  previous: Previous | undefined,
  options: DeriveOptions,
  now: number,
): DesiredState | undefined => {
  const service = view.service(serviceUid);
  if (service === undefined) return previous === undefined ? undefined : vanished(previous);
  const touched = previous !== undefined && !(previous.state.intent === 'release' && previous.applied);
  const verdict = verdictOf(service, options, touched);
  if (verdict === undefined) return undefined;
  if (verdict.intent !== 'serve') return { ...frame(service, verdict), listeners: [], pods: [] };

  const listeners: ListenerWant[] = [];
  const problems: Problem[] = [...verdict.problems];
  for (const port of service.ports) {
    if (port.protocol !== 'TCP') {
      problems.push(
        problem('D1004', `Port ${port.port}: protocol ${port.protocol} is not served.`, {
          about: { listener: { protocol: port.protocol, port: port.port } },
        }),
      );
      continue;
    }
    const found = endpointsFromSlices(view, service, port, options);
    problems.push(...found.problems);
    listeners.push({
      protocol: port.protocol,
      port: port.port,
      settings: defaultListenerSettings,
      backends: backendsOf(
        view,
        service,
        found.endpoints,
        backendsBefore(previous, port),
        previous?.applied ?? false,
        now,
      ),
    });
  }
  const before = new Map(previous?.state.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  const facts = new Map(
    view
      .podsSelectedBy(service.ref.namespace, service.selector ?? {})
      .map((pod): [string, PodFact] => [pod.ref.uid, pod]),
  );
  for (const pod of facts.values()) problems.push(...pod.problems);
  for (const { backends } of listeners) {
    for (const { podUid } of backends.endpoints) {
      const pod = facts.has(podUid) ? undefined : view.pod(podUid);
      if (pod !== undefined) facts.set(podUid, pod);
    }
  }
  return {
    ...frame(service, verdict),
    listeners,
    pods: [...facts.values()]
      .map((pod) => notOlder(podState(view, pod, options), before.get(pod.ref.uid)))
      .sort((a, b) => (a.ref.uid < b.ref.uid ? -1 : 1)),
    problems: distinct(problems),
  };
};

const distinct = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((entry) => [`${entry.code} ${entry.message}`, entry])).values(),
];

const waits = (pod: PodState): boolean => pod.gate !== undefined && pod.gate.status !== 'True';

/** Without what moves by itself: a resourceVersion matters only where a message of ours must carry it. */
const content = (state: DesiredState): unknown => ({
  ...state,
  resourceVersion: undefined,
  pods: state.pods.map((pod) => (waits(pod) ? pod : { ...pod, resourceVersion: undefined })),
});

/** Equal in all that matters to the CLB, the gates and the object: not worth sending again. */
export const sameContent = (a: DesiredState, b: DesiredState): boolean =>
  isDeepStrictEqual(content(a), content(b));

/** A Pod that starts terminating → drain; whose containers just became ready → ready; else rest. */
export const laneOf = (previous: DesiredState | undefined, next: DesiredState): Lane => {
  const before = new Map(previous?.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  const leaves = (pod: PodState): boolean => pod.terminatingAt !== undefined || pod.ended;
  const drains = next.pods.some((pod) => {
    const was = before.get(pod.ref.uid);
    return leaves(pod) && (was === undefined || !leaves(was));
  });
  if (drains) return 'drain';
  const becameReady = next.pods.some(
    (pod) => pod.containersReady && before.get(pod.ref.uid)?.containersReady !== true,
  );
  const known = new Set(
    previous?.listeners.flatMap(({ backends }) => backends.endpoints.map(({ podUid }) => podUid)),
  );
  const newEndpoint = next.listeners.some(({ backends }) =>
    backends.endpoints.some(({ podUid }) => !known.has(podUid)),
  );
  return becameReady || newEndpoint ? 'ready' : 'rest';
};

/**
 * Adds the evidence of a consistent list to the targets that a planner asked about: nobody has the address
 * (`absent`), or a Pod has it that does not belong (`unselected`, drained) or serves at another port.
 *
 * @param pods every Pod that may have one of the addresses, read consistently (resourceVersion unset)
 * @param belongs whether the object selects the Pod
 */
export const withEvidence = (
  state: DesiredState,
  wanted: readonly EvidenceWanted[],
  pods: readonly PodFact[],
  belongs: (pod: PodFact) => boolean,
  now: number,
): DesiredState => {
  const leavingOf = (
    listener: ListenerWant,
    target: { readonly ip: string; readonly port: number },
  ): LeavingEndpoint | undefined => {
    const pod = pods.find((candidate) => candidate.ips.includes(target.ip) && !candidate.hostNetwork);
    if (pod === undefined) return { ...target, cause: 'absent', since: now };
    const podUid = pod.ref.uid;
    if (pod.ended) return { ...target, podUid, cause: 'pod-ended', since: now };
    if (!belongs(pod)) return { ...target, podUid, cause: 'unselected', since: now };
    const elsewhere = listener.backends.endpoints.some((endpoint) => endpoint.podUid === podUid);
    return elsewhere ? { ...target, podUid, cause: 'port-changed', since: now } : undefined;
  };
  const listeners = state.listeners.map((listener): ListenerWant => {
    const targets =
      wanted.find((entry) => entry.protocol === listener.protocol && entry.port === listener.port)?.targets ??
      [];
    const { endpoints, leaving } = listener.backends;
    const added = targets
      .filter((target) => ![...endpoints, ...leaving].some((known) => sameAddress(known, target)))
      .flatMap((target) => leavingOf(listener, target) ?? []);
    return added.length === 0
      ? listener
      : { ...listener, backends: { ...listener.backends, leaving: [...leaving, ...added] } };
  });
  return { ...state, listeners };
};
