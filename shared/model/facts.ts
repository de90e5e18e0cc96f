import type { RuleKey } from './place.ts';
import type { Problem } from './problems.ts';

/** The kinds that can own listeners. */
export type OwnerKind = 'Service' | 'Ingress';

/** One object of the cluster, beyond doubt: the UID tells apart two of the same name. */
export interface ObjectRef {
  readonly kind: OwnerKind | 'Pod' | 'EndpointSlice';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** A readiness gate that the Pod's spec lists, with what its condition says (`absent`: nobody wrote it yet). */
export interface GateFact {
  readonly type: string;
  readonly status: ConditionStatus | 'absent';
  /** Unix ms of the last transition. */
  readonly changedAt?: number;
  readonly message?: string;
}

/** What the data path needs to know of a Pod; parsed once, at the door. */
export interface PodFact {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `status.podIPs`, first the primary one. */
  readonly ips: readonly string[];
  readonly nodeName?: string;
  readonly hostNetwork: boolean;
  /** A container asks for an ENI address, or the Pod's annotation asks for the ENI network. */
  readonly eni: boolean;
  /** Condition `ContainersReady`. */
  readonly containersReady: boolean;
  /** Unix ms since when `containersReady` holds as it does. */
  readonly containersReadyChangedAt?: number;
  /** Condition `Ready`. */
  readonly ready: boolean;
  /** Unix ms of the last transition of `Ready`. */
  readonly readyChangedAt?: number;
  readonly gates: readonly GateFact[];
  /** Unix ms: `deletionTimestamp`, which is the END of the grace period. */
  readonly terminatingAt?: number;
  /** Terminal phase; or, once terminating, every container that ever started has terminated. */
  readonly ended: boolean;
  /** Annotation `service.cloud.tencent.com/custom-weight`, 0..100. */
  readonly customWeight?: number;
  /** Annotation `ingress.cloud.tencent.com/custom-weight`, 0..100: as a target of Ingresses. */
  readonly ingressCustomWeight?: number;
  readonly problems: readonly Problem[];
}

export type Protocol = 'TCP' | 'UDP';

export interface ServicePortFact {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly targetPort: number | string;
  /** Absent: none allocated, or not yet. */
  readonly nodePort?: number;
}

/** How a Service or an Ingress wants to be served; `undefined` mode: an annotation cannot be read (see its problems). */
export type ServiceMode = 'direct' | 'node-port' | 'skip';

/** What Services and Ingresses have in common: who has a load balancer of its own, or shares one. */
export interface OwnerFact {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  /** Unix ms. */
  readonly createdAt: number;
  readonly deleting: boolean;
  /** Our finalizer is on the object. */
  readonly finalizer: boolean;
  /** Life number written with the finalizer; the ClientToken of the load balancer is made of it. */
  readonly life?: number;
  /** Which load balancer it has, written with the finalizer: one of its own, or the existing one of this id. */
  readonly source?: 'created' | { readonly loadBalancerId: string };
  /** The read-only annotation with the load balancer's id, as found. */
  readonly writtenLoadBalancerId?: string;
  /** `status.loadBalancer.ingress`: IPs or host names, as found. */
  readonly statusAddresses: readonly string[];
  readonly mode?: ServiceMode;
  /** Internal load balancer in this subnet; absent: public. */
  readonly internalSubnetId?: string;
  /** The existing load balancer that is asked for. */
  readonly existingLoadBalancerId?: string;
  /** Weights by StatefulSet ordinal, from `lb-rs-weight`. */
  readonly ordinalWeights?: OrdinalWeights;
  /** Session persistence of its listeners; absent: none. */
  readonly sessionExpireSeconds?: number;
  readonly problems: readonly Problem[];
}

/** Which nodes take traffic in NodePort mode, and how much. */
export interface NodeChoice {
  /** `externalTrafficPolicy: Local`. */
  readonly local: boolean;
  /** With Local: only nodes that run a Pod of the Service. */
  readonly onlyWithPods: boolean;
  /** With that: as many as the Pods that they run. */
  readonly byPods: boolean;
  /** Only nodes with these labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ServiceFact extends OwnerFact {
  readonly type: string;
  readonly loadBalancerClass?: string;
  /** Undefined or empty: no selector. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePortFact[];
  readonly publishNotReadyAddresses: boolean;
  readonly nodes: NodeChoice;
  /** `pre-stop-sleep-seconds`: what admission injects into the Pods that the Service selects; 0: nothing. */
  readonly preStopSleepSeconds?: number;
}

/** One rule of an Ingress and the Service port behind it; one that is wrong is told with its problem, and left out. */
export interface IngressRuleFact {
  readonly rule: RuleKey;
  readonly service: string;
  readonly port: number | string;
}

export interface IngressFact extends OwnerFact {
  /** By annotation or `spec.ingressClassName`; absent: neither. */
  readonly className?: string;
  /** Ports of HTTP listeners. */
  readonly ports: readonly number[];
  readonly rules: readonly IngressRuleFact[];
}

/** An IngressClass: who controls the Ingresses that name it. */
export interface IngressClassFact {
  readonly ref: { readonly name: string; readonly uid: string };
  readonly controller: string;
}

/** A node, as NodePort mode needs to know it. */
export interface NodeFact {
  readonly ref: { readonly name: string; readonly uid: string };
  readonly labels: Readonly<Record<string, string>>;
  /** Its internal addresses. */
  readonly ips: readonly string[];
  /** Its CVM, from `spec.providerID`. */
  readonly instanceId?: string;
  /** Ready, not cordoned, no master, not excluded from load balancers. */
  readonly takesTraffic: boolean;
}

/** Annotation `lb-rs-weight`: weights of StatefulSet Pods by ordinal, for one protocol and port each. */
export interface OrdinalWeights {
  readonly defaultWeight: number;
  readonly groups: readonly {
    readonly protocol: Protocol;
    readonly port: number;
    readonly statefulSets: readonly {
      readonly name: string;
      readonly weights: readonly { readonly weight: number; readonly ordinals: readonly number[] }[];
    }[];
  }[];
}

export interface SliceEndpointFact {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** The Pod that the endpoint claims to be; the claim is checked (law L9). */
  readonly target?: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
}

export interface EndpointSliceFact {
  readonly ref: ObjectRef;
  readonly serviceName: string;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port?: number }[];
  readonly endpoints: readonly SliceEndpointFact[];
}
