import type {
  DesiredState,
  Endpoint,
  KeptState,
  LeavingEndpoint,
  ListenerWant,
  NodeState,
  PodState,
} from './desired-state.ts';
import type {
  EndpointSliceFact,
  GateFact,
  IngressFact,
  NodeFact,
  ObjectRef,
  PodFact,
  ServiceFact,
} from './facts.ts';
import { defaultGateType, listenerName } from './names.ts';
import type {
  Binding,
  ObservedListener,
  ObservedLoadBalancer,
  ObservedRule,
  ObservedTarget,
} from './observed.ts';
import { defaultListenerSettings } from './places.ts';
import type { Policy } from './plan-types.ts';
import type { View } from './view.ts';

/** Builders for tests: a word for each thing that matters, sound defaults for the rest. */

export const testPolicy: Policy = {
  clusterId: 'cls-test',
  defaultWeight: 10,
  drainSeconds: 30,
  drainSlackSeconds: 30,
};

export const podRef = (name: string, uid = `uid-${name}`): ObjectRef => ({
  kind: 'Pod',
  namespace: 'default',
  name,
  uid,
});

export const serviceRef = (name = 'web', uid = `uid-${name}`): ObjectRef => ({
  kind: 'Service',
  namespace: 'default',
  name,
  uid,
});

export const aGate = (status: GateFact['status'], more: Partial<GateFact> = {}): GateFact => ({
  type: defaultGateType,
  status,
  ...more,
});

/** A Pod behind a Service: running, containers ready, Ready, no gate. */
export const aPod = (name: string, ip: string, more: Partial<PodState> = {}): PodState => ({
  ref: podRef(name),
  resourceVersion: '1',
  ips: [ip],
  containersReady: true,
  ready: true,
  readyChangedAt: 1_000,
  foreignGatesOpen: true,
  ended: false,
  heldBy: ['uid-web'],
  ...more,
});

export const endpointOf = (pod: PodState, port = 80): Endpoint => ({
  ip: pod.ips[0] ?? '0.0.0.0',
  port,
  backendUid: pod.ref.uid,
});

/** One Service on port 80 with these Pods as its endpoints. */
export const aState = (
  pods: readonly PodState[],
  more: Partial<DesiredState> & {
    readonly leaving?: readonly LeavingEndpoint[];
    readonly endpoints?: readonly Endpoint[];
    readonly publishNotReadyAddresses?: boolean;
  } = {},
): DesiredState => {
  const { leaving, endpoints, publishNotReadyAddresses, ...rest } = more;
  return {
    object: serviceRef(),
    resourceVersion: '1',
    createdAt: 0,
    loadBalancerKey: 'uid-web',
    intent: 'serve',
    finalizer: true,
    deleting: false,
    loadBalancer: { source: 'created', network: { type: 'public' }, life: 1 },
    shown: { loadBalancerId: 'lb-00000001', addresses: ['203.0.113.1'] },
    listeners: [
      {
        protocol: 'TCP',
        port: 80,
        settings: defaultListenerSettings,
        backends: {
          endpoints: endpoints ?? pods.filter(({ ips }) => ips.length > 0).map((pod) => endpointOf(pod)),
          leaving: leaving ?? [],
          publishNotReadyAddresses: publishNotReadyAddresses ?? false,
        },
      },
    ],
    pods,
    problems: [],
    ...rest,
  };
};

/** An object that shares the existing load balancer `lb-00000001`. */
export const sharing = (state: DesiredState): DesiredState => ({
  ...state,
  loadBalancerKey: 'lb-00000001',
  loadBalancer: { source: 'existing', loadBalancerId: 'lb-00000001' },
});

export const ingressRef = (name = 'site', uid = `uid-${name}`): ObjectRef => ({
  ...serviceRef(name, uid),
  kind: 'Ingress',
});

/** What an Ingress wants at `HTTP:80 <domain><url>`. */
export const aRuleWant = (
  domain: string,
  url: string,
  pods: readonly PodState[],
  leaving: readonly LeavingEndpoint[] = [],
): ListenerWant => ({
  protocol: 'HTTP',
  port: 80,
  rule: { domain, url },
  settings: defaultListenerSettings,
  backends: {
    endpoints: pods.map((pod) => endpointOf(pod)),
    leaving,
    podUids: pods.map(({ ref }) => ref.uid),
    publishNotReadyAddresses: false,
  },
});

/** An Ingress on the existing load balancer `lb-00000001`. */
export const anIngress = (
  name: string,
  listeners: readonly ListenerWant[],
  pods: readonly PodState[],
  more: Partial<DesiredState> = {},
): DesiredState => sharing(aState(pods, { object: ingressRef(name), listeners, ...more }));

export const aNodeState = (name: string, ip: string, more: Partial<NodeState> = {}): NodeState => ({
  uid: `uid-${name}`,
  name,
  ips: [ip],
  ...more,
});

export const kept = (state: DesiredState, sequence = '1.1'): KeptState => ({ sequence, state });

export const aTarget = (ip: string, weight = 10, port = 80): ObservedTarget => ({ ip, port, weight });

/** Our listener TCP:80 of the Service `web`. */
export const aListener = (
  targets: readonly ObservedTarget[],
  more: Partial<ObservedListener> = {},
): ObservedListener => ({
  listenerId: 'lbl-00000001',
  name: listenerName(testPolicy.clusterId, 'uid-web'),
  protocol: 'TCP',
  port: 80,
  ours: true,
  ownerUid: 'uid-web',
  settings: defaultListenerSettings,
  targets,
  ...more,
});

export const aRule = (
  locationId: string,
  domain: string,
  url: string,
  targets: readonly ObservedTarget[] = [],
  more: Partial<ObservedRule> = {},
): ObservedRule => ({ locationId, domain, url, settings: defaultListenerSettings, targets, ...more });

/** Our listener HTTP:80, made by the Ingress `ownerName`. */
export const anHttpListener = (
  ownerName: string,
  rules: readonly ObservedRule[],
  more: Partial<ObservedListener> = {},
): ObservedListener =>
  aListener([], {
    listenerId: 'lbl-0000http',
    name: listenerName(testPolicy.clusterId, `uid-${ownerName}`),
    protocol: 'HTTP',
    ownerUid: `uid-${ownerName}`,
    rules,
    ...more,
  });

export const aLoadBalancer = (listeners: readonly ObservedListener[]): ObservedLoadBalancer => ({
  loadBalancerId: 'lb-00000001',
  addresses: [{ kind: 'ip', value: '203.0.113.1' }],
  listeners,
});

export const aBinding = (pod: PodState, more: Partial<Binding> = {}): Binding => ({
  listenerId: 'lbl-00000001',
  place: { protocol: 'TCP', port: 80 },
  ip: pod.ips[0] ?? '0.0.0.0',
  port: 80,
  backendUid: pod.ref.uid,
  weight: 10,
  recordedAt: 1_000,
  weightAt: 1_000,
  ...more,
});

export const aPodFact = (name: string, ip: string | undefined, more: Partial<PodFact> = {}): PodFact => ({
  ref: podRef(name),
  resourceVersion: '1',
  labels: { app: 'web' },
  ips: ip === undefined ? [] : [ip],
  hostNetwork: false,
  eni: true,
  containersReady: true,
  ready: true,
  gates: [],
  ended: false,
  problems: [],
  ...more,
});

export const aServiceFact = (more: Partial<ServiceFact> = {}): ServiceFact => ({
  ref: serviceRef(),
  resourceVersion: '1',
  createdAt: 0,
  type: 'LoadBalancer',
  selector: { app: 'web' },
  ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
  publishNotReadyAddresses: false,
  nodes: { local: false, onlyWithPods: false, byPods: false },
  deleting: false,
  finalizer: false,
  statusAddresses: [],
  mode: 'direct',
  problems: [],
  ...more,
});

/** A claimed direct Ingress: every path of a.example.com to port 80 of the Service `web`. */
export const anIngressFact = (more: Partial<IngressFact> = {}): IngressFact => ({
  ref: ingressRef(),
  resourceVersion: '1',
  createdAt: 0,
  className: 'qcloud',
  ports: [80],
  rules: [{ rule: { domain: 'a.example.com', url: '/' }, service: 'web', port: 80 }],
  deleting: false,
  finalizer: false,
  statusAddresses: [],
  mode: 'direct',
  problems: [],
  ...more,
});

export const aNodeFact = (name: string, ip: string, more: Partial<NodeFact> = {}): NodeFact => ({
  ref: { name, uid: `uid-${name}` },
  labels: {},
  ips: [ip],
  instanceId: `ins-${name}`,
  takesTraffic: true,
  ...more,
});

export const aSlice = (
  pods: readonly PodFact[],
  more: Partial<EndpointSliceFact> = {},
): EndpointSliceFact => ({
  ref: { kind: 'EndpointSlice', namespace: 'default', name: 'web-abcde', uid: 'uid-web-abcde' },
  serviceName: 'web',
  addressType: 'IPv4',
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  endpoints: pods.map((pod) => ({
    addresses: pod.ips,
    ready: pod.ready,
    serving: pod.ready,
    terminating: pod.terminatingAt !== undefined,
    target: {
      kind: 'Pod',
      namespace: pod.ref.namespace,
      name: pod.ref.name,
      uid: pod.ref.uid,
    },
  })),
  ...more,
});

/** A view over fixed facts. */
export const aView = (facts: {
  readonly services?: readonly ServiceFact[];
  readonly ingresses?: readonly IngressFact[];
  readonly nodes?: readonly NodeFact[];
  readonly goneNodes?: readonly string[];
  /** Controllers by IngressClass. */
  readonly classes?: Readonly<Record<string, string>>;
  readonly pods?: readonly PodFact[];
  readonly slices?: readonly EndpointSliceFact[];
  readonly gone?: readonly PodFact[];
}): View => {
  const { services = [], ingresses = [], nodes = [], pods = [], slices = [], gone = [] } = facts;
  const matches = (
    labels: Readonly<Record<string, string>>,
    selector: Readonly<Record<string, string>>,
  ): boolean =>
    Object.keys(selector).length > 0 &&
    Object.entries(selector).every(([key, value]) => labels[key] === value);
  return {
    services: () => services,
    service: (uid) => services.find(({ ref }) => ref.uid === uid),
    serviceNamed: (namespace, name) =>
      services.find(({ ref }) => ref.namespace === namespace && ref.name === name),
    ingresses: () => ingresses,
    ingress: (uid) => ingresses.find(({ ref }) => ref.uid === uid),
    ingressesNaming: (namespace, serviceName) =>
      ingresses.filter(
        ({ ref, rules }) =>
          ref.namespace === namespace && rules.some(({ service }) => service === serviceName),
      ),
    controllerOf: (className) => facts.classes?.[className],
    nodes: () => nodes,
    node: (uid) => nodes.find(({ ref }) => ref.uid === uid),
    nodeIsGone: (uid) => facts.goneNodes?.includes(uid) ?? false,
    slicesOf: (namespace, serviceName) =>
      slices.filter((slice) => slice.ref.namespace === namespace && slice.serviceName === serviceName),
    pod: (uid) => pods.find(({ ref }) => ref.uid === uid),
    podsSelectedBy: (namespace, selector) =>
      pods.filter((pod) => pod.ref.namespace === namespace && matches(pod.labels, selector)),
    podAt: (ip) => pods.find((pod) => pod.ips.includes(ip) && !pod.hostNetwork && !pod.ended),
    gonePod: (uid) => {
      const pod = gone.find(({ ref }) => ref.uid === uid);
      return pod === undefined ? undefined : { uid, namespace: pod.ref.namespace, ips: pod.ips, at: 0 };
    },
    servicesSelecting: (pod) =>
      services.filter(
        (service) =>
          service.ref.namespace === pod.ref.namespace && matches(pod.labels, service.selector ?? {}),
      ),
  };
};
