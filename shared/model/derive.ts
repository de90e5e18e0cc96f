import { type DeriveOptions, type Verdict, verdictOf } from './claim.ts';
import type { Backends, DesiredState, ListenerSettings, ListenerWant, PodState } from './desired-state.ts';
import { backendsNow, endpointsFromSlices } from './endpoints.ts';
import type { PodFact, ServiceFact, ServicePortFact } from './facts.ts';
import { notOlder, podState } from './pod-state.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

/** The last state put for an object, and whether the store knows it applied. */
export interface Previous {
  readonly state: DesiredState;
  readonly applied: boolean;
}

/** What a listener gets without a TkeServiceConfig; the CLB's own defaults. */
export const defaultListenerSettings: ListenerSettings = {
  healthCheck: { enabled: true, intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 },
  sessionExpireSeconds: 0,
  scheduler: 'WRR',
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
      backends: backendsNow(
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
    for (const { backendUid } of backends.endpoints) {
      const pod = facts.has(backendUid) ? undefined : view.pod(backendUid);
      if (pod !== undefined) facts.set(backendUid, pod);
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
