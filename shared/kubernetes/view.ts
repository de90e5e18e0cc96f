import type {
  EndpointSliceFact,
  IngressClassFact,
  IngressFact,
  NodeFact,
  PodFact,
  ServiceFact,
} from '../model/facts.ts';
import type { View } from '../model/view.ts';
import type { Change } from './change.ts';
import { GonePods } from './gone-pods.ts';
import { LabelIndex, matches, SelectorIndex } from './label-index.ts';

/** The view, and the way in. Each `apply` answers the UIDs of the objects whose desired state may differ now. */
export interface LiveView extends View {
  applyPod(change: Change<PodFact>): ReadonlySet<string>;
  applyService(change: Change<ServiceFact>): ReadonlySet<string>;
  applyEndpointSlice(change: Change<EndpointSliceFact>): ReadonlySet<string>;
  applyIngress(change: Change<IngressFact>): ReadonlySet<string>;
  applyIngressClass(change: Change<IngressClassFact>): ReadonlySet<string>;
  applyNode(change: Change<NodeFact>): ReadonlySet<string>;
  /** Facts held now, for the metrics. */
  sizes(): {
    readonly pods: number;
    readonly services: number;
    readonly endpointSlices: number;
    readonly ingresses: number;
    readonly nodes: number;
  };
}

/** Names have no slash. */
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

/** A set for each key; a key without members is no key. */
class Groups {
  readonly #groups = new Map<string, Set<string>>();

  add(key: string, member: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Set([member]));
    else group.add(member);
  }

  remove(key: string, member: string): void {
    const group = this.#groups.get(key);
    if (group?.delete(member) === true && group.size === 0) this.#groups.delete(key);
  }

  get(key: string): Iterable<string> {
    return this.#groups.get(key) ?? [];
  }
}

const sameRecord = (
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
): boolean => {
  const left = Object.entries(a ?? {});
  return left.length === Object.keys(b ?? {}).length && left.every(([key, value]) => b?.[key] === value);
};

/** Whether a Service holds the gates of other Pods than before; then all who share these Pods are concerned. */
const holdsAlike = (a: ServiceFact, b: ServiceFact): boolean =>
  sameRecord(a.selector, b.selector) &&
  a.type === b.type &&
  a.loadBalancerClass === b.loadBalancerClass &&
  a.mode === b.mode &&
  a.deleting === b.deleting &&
  a.finalizer === b.finalizer &&
  a.existingLoadBalancerId === b.existingLoadBalancerId &&
  a.problems.length === b.problems.length;

const podUidsOf = (slice: EndpointSliceFact): ReadonlySet<string> =>
  new Set(slice.endpoints.flatMap(({ target }) => (target?.kind === 'Pod' ? target.uid : [])));

const isFact = <T>(fact: T | undefined): fact is T => fact !== undefined;

/**
 * The facts of the cluster as the reflectors see them, indexed so that each change of a Pod costs the size of what
 * it concerns, not of the cluster.
 *
 * @param now Unix ms; when a deletion was seen
 */
export const createView = (now: () => number): LiveView => {
  const pods = new Map<string, PodFact>();
  const podLabels = new LabelIndex();
  const podsByIp = new Groups();
  const gone = new GonePods();
  const services = new Map<string, ServiceFact>();
  const serviceUids = new Map<string, string>();
  const selectors = new SelectorIndex();
  const ingresses = new Map<string, IngressFact>();
  const ingressesByService = new Groups();
  const classes = new Map<string, IngressClassFact>();
  const nodes = new Map<string, NodeFact>();
  const goneNodes = new Set<string>();
  const slices = new Map<string, EndpointSliceFact>();
  const slicesByService = new Groups();
  const slicesByPod = new Groups();

  const podsSelectedBy: View['podsSelectedBy'] = (namespace, selector) => {
    const selected: PodFact[] = [];
    for (const uid of podLabels.candidates(namespace, selector)) {
      const pod = pods.get(uid);
      if (pod !== undefined && matches(selector, pod.labels)) selected.push(pod);
    }
    return selected;
  };

  const servicesSelecting: View['servicesSelecting'] = (pod) =>
    selectors
      .candidates(pod.ref.namespace, pod.labels)
      .map((uid) => services.get(uid))
      .filter(isFact)
      .filter((service) => matches(service.selector, pod.labels));

  /** The Service, and the Ingresses that have a rule for it. */
  const concernService = (affected: Set<string>, { ref: { uid, namespace, name } }: ServiceFact): void => {
    affected.add(uid);
    for (const ingressUid of ingressesByService.get(keyOf(namespace, name))) affected.add(ingressUid);
  };

  const podAt: View['podAt'] = (ip) => {
    let found: PodFact | undefined;
    for (const uid of podsByIp.get(ip)) {
      const pod = pods.get(uid);
      if (pod === undefined || pod.ended) continue;
      // A new Pod may have the address while the one before it is still on its way out.
      if (found === undefined || found.terminatingAt !== undefined) found = pod;
    }
    return found;
  };

  const addPod = (pod: PodFact): void => {
    pods.set(pod.ref.uid, pod);
    podLabels.add(pod.ref.namespace, pod.labels, pod.ref.uid);
    if (!pod.hostNetwork) for (const ip of pod.ips) podsByIp.add(ip, pod.ref.uid);
  };

  const removePod = (pod: PodFact): void => {
    pods.delete(pod.ref.uid);
    podLabels.remove(pod.ref.namespace, pod.labels, pod.ref.uid);
    for (const ip of pod.ips) podsByIp.remove(ip, pod.ref.uid);
  };

  const applyPod: LiveView['applyPod'] = (change) => {
    const { uid } = change.fact.ref;
    const before = pods.get(uid);
    const affected = new Set<string>();
    const concern = (pod: PodFact): void => {
      for (const service of servicesSelecting(pod)) concernService(affected, service);
    };
    if (before !== undefined) {
      concern(before);
      removePod(before);
    }
    if (change.type === 'set') {
      gone.forget(uid);
      addPod(change.fact);
    } else gone.add(change.fact, now());
    concern(change.fact);
    for (const sliceUid of slicesByPod.get(uid)) {
      const slice = slices.get(sliceUid);
      const serviceUid = slice && serviceUids.get(keyOf(slice.ref.namespace, slice.serviceName));
      const service = serviceUid === undefined ? undefined : services.get(serviceUid);
      if (service !== undefined) concernService(affected, service);
    }
    return affected;
  };

  const applyService: LiveView['applyService'] = (change) => {
    const { uid, namespace, name } = change.fact.ref;
    const before = services.get(uid);
    const affected = new Set([uid]);
    const concern = (service: ServiceFact): void => {
      for (const pod of podsSelectedBy(namespace, service.selector ?? {})) {
        for (const sharing of servicesSelecting(pod)) concernService(affected, sharing);
      }
    };
    for (const ingressUid of ingressesByService.get(keyOf(namespace, name))) affected.add(ingressUid);
    const after = change.type === 'set' ? change.fact : undefined;
    if (before === undefined || after === undefined || !holdsAlike(before, after)) {
      if (before !== undefined) concern(before);
      if (after !== undefined) concern(after);
    }
    if (before !== undefined) selectors.remove(namespace, before.selector, uid);
    if (after === undefined) {
      services.delete(uid);
      if (serviceUids.get(keyOf(namespace, name)) === uid) serviceUids.delete(keyOf(namespace, name));
    } else {
      services.set(uid, after);
      serviceUids.set(keyOf(namespace, name), uid);
      selectors.add(namespace, after.selector, uid);
    }
    return affected;
  };

  const applyEndpointSlice: LiveView['applyEndpointSlice'] = (change) => {
    const { uid } = change.fact.ref;
    const before = slices.get(uid);
    const affected = new Set<string>();
    const concern = (slice: EndpointSliceFact): string => {
      const key = keyOf(slice.ref.namespace, slice.serviceName);
      const serviceUid = serviceUids.get(key);
      const service = serviceUid === undefined ? undefined : services.get(serviceUid);
      if (service !== undefined) concernService(affected, service);
      return key;
    };
    if (before !== undefined) {
      slicesByService.remove(concern(before), uid);
      for (const podUid of podUidsOf(before)) slicesByPod.remove(podUid, uid);
      slices.delete(uid);
    }
    const key = concern(change.fact);
    if (change.type === 'set') {
      slices.set(uid, change.fact);
      slicesByService.add(key, uid);
      for (const podUid of podUidsOf(change.fact)) slicesByPod.add(podUid, uid);
    }
    return affected;
  };

  const servicesOf = ({ ref, rules }: IngressFact): ReadonlySet<string> =>
    new Set(rules.map(({ service }) => keyOf(ref.namespace, service)));

  const applyIngress: LiveView['applyIngress'] = (change) => {
    const { uid } = change.fact.ref;
    const before = ingresses.get(uid);
    const after = change.type === 'set' ? change.fact : undefined;
    const affected = new Set([uid]);
    /** Who shares the Pods behind a Service has to know of another holder of their gates. */
    const concern = (serviceKey: string): void => {
      const service = services.get(serviceUids.get(serviceKey) ?? '');
      if (service === undefined) return;
      for (const pod of podsSelectedBy(service.ref.namespace, service.selector ?? {})) {
        for (const sharing of servicesSelecting(pod)) concernService(affected, sharing);
      }
    };
    for (const key of before === undefined ? [] : servicesOf(before)) {
      concern(key);
      ingressesByService.remove(key, uid);
    }
    if (after === undefined) ingresses.delete(uid);
    else ingresses.set(uid, after);
    for (const key of after === undefined ? [] : servicesOf(after)) {
      ingressesByService.add(key, uid);
      concern(key);
    }
    return affected;
  };

  const applyIngressClass: LiveView['applyIngressClass'] = (change) => {
    const { name } = change.fact.ref;
    if (change.type === 'set') classes.set(name, change.fact);
    else classes.delete(name);
    const affected = new Set<string>();
    for (const ingress of ingresses.values()) {
      if (ingress.className !== name) continue;
      for (const uid of applyIngress({ type: 'set', fact: ingress })) affected.add(uid);
    }
    return affected;
  };

  /** Nodes stand behind everything in NodePort mode. */
  const applyNode: LiveView['applyNode'] = (change) => {
    const { uid } = change.fact.ref;
    if (change.type === 'set') {
      nodes.set(uid, change.fact);
      goneNodes.delete(uid);
    } else {
      nodes.delete(uid);
      goneNodes.add(uid);
    }
    const byNodes = [...services.values(), ...ingresses.values()].filter(({ mode }) => mode === 'node-port');
    return new Set(byNodes.map(({ ref }) => ref.uid));
  };

  return {
    services: () => services.values(),
    service: (uid) => services.get(uid),
    serviceNamed: (namespace, name) => services.get(serviceUids.get(keyOf(namespace, name)) ?? ''),
    ingresses: () => ingresses.values(),
    ingress: (uid) => ingresses.get(uid),
    ingressesNaming: (namespace, serviceName) =>
      [...ingressesByService.get(keyOf(namespace, serviceName))]
        .map((uid) => ingresses.get(uid))
        .filter(isFact),
    controllerOf: (className) => classes.get(className)?.controller,
    nodes: () => nodes.values(),
    node: (uid) => nodes.get(uid),
    nodeIsGone: (uid) => goneNodes.has(uid),
    slicesOf: (namespace, serviceName) =>
      [...slicesByService.get(keyOf(namespace, serviceName))].map((uid) => slices.get(uid)).filter(isFact),
    pod: (uid) => pods.get(uid),
    podsSelectedBy,
    podAt,
    gonePod: (uid) => gone.get(uid),
    servicesSelecting,
    applyPod,
    applyService,
    applyEndpointSlice,
    applyIngress,
    applyIngressClass,
    applyNode,
    sizes: () => ({
      pods: pods.size,
      services: services.size,
      endpointSlices: slices.size,
      ingresses: ingresses.size,
      nodes: nodes.size,
    }),
  };
};
