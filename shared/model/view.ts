import type { EndpointSliceFact, IngressFact, NodeFact, PodFact, ServiceFact } from './facts.ts';

/** How a Pod that the view no longer has went away. */
export interface GonePod {
  readonly uid: string;
  readonly namespace: string;
  readonly ips: readonly string[];
  /** Unix ms when its deletion was seen (a DELETED event, or its absence from a consistent relist). */
  readonly at: number;
}

/** The facts of the cluster, indexed. Read by pure functions; kept by the reflectors. */
export interface View {
  services(): Iterable<ServiceFact>;
  service(uid: string): ServiceFact | undefined;
  serviceNamed(namespace: string, name: string): ServiceFact | undefined;
  ingresses(): Iterable<IngressFact>;
  ingress(uid: string): IngressFact | undefined;
  /** Ingresses of the namespace with a rule for this Service. */
  ingressesNaming(namespace: string, serviceName: string): readonly IngressFact[];
  /** The controller of an IngressClass; undefined: there is no such class. */
  controllerOf(className: string): string | undefined;
  nodes(): Iterable<NodeFact>;
  node(uid: string): NodeFact | undefined;
  /** Its deletion was seen. */
  nodeIsGone(uid: string): boolean;
  /** Slices that name the Service, whoever made them. */
  slicesOf(namespace: string, serviceName: string): readonly EndpointSliceFact[];
  pod(uid: string): PodFact | undefined;
  /** Pods of the namespace that have all these labels. An empty selector selects nothing. */
  podsSelectedBy(namespace: string, selector: Readonly<Record<string, string>>): readonly PodFact[];
  /** The living Pod that has the address now (host-network Pods excepted). */
  podAt(ip: string): PodFact | undefined;
  /** Evidence of a deletion that was seen; remembered for at least ten minutes. */
  gonePod(uid: string): GonePod | undefined;
  /** Services whose selector matches the Pod's labels, in its namespace. */
  servicesSelecting(pod: PodFact): readonly ServiceFact[];
}
