import type { Place } from './place.ts';

/**
 * One table of everything that can be wrong with what users give us. TKE's code where TKE has one
 * (`E4…`), our own (`D…`) beyond. `docs/problems.md` has an anchor for each; a test holds both together.
 */
export const problemTable = {
  E4004: {
    reason: 'LoadBalancerQuotaReached',
    remedy: 'Raise the quota of load balancers, or use an existing one.',
  },
  E4005: {
    reason: 'CreateParametersRefused',
    remedy: 'Correct the annotations that describe the load balancer.',
  },
  E4009: { reason: 'AccountInArrears', remedy: 'Pay the account; it is tried again by itself.' },
  E4011: {
    reason: 'ExistingLoadBalancerNotFound',
    remedy: 'Name a load balancer that exists, in the region and the VPC of the cluster.',
  },
  E4012: {
    reason: 'ExistingLoadBalancerOfTke',
    remedy: 'Name a load balancer that you made yourself; TKE manages this one.',
  },
  E4013: {
    reason: 'ExistingLoadBalancerOfAnotherCluster',
    remedy: 'Use one load balancer in one cluster only.',
  },
  E4014: {
    reason: 'PortTaken',
    remedy: 'Use another port, or remove what holds it; it is tried again by itself then.',
  },
  E4018: {
    reason: 'ExistingLoadBalancerNotFound',
    remedy: 'Name a load balancer that exists, in the region and the VPC of the cluster.',
  },
  E4019: {
    reason: 'ExistingLoadBalancerOfTke',
    remedy: 'Name a load balancer that you made yourself; TKE manages this one.',
  },
  E4020: {
    reason: 'ExistingLoadBalancerOfAnotherCluster',
    remedy: 'Use one load balancer in one cluster only.',
  },
  E4033: {
    reason: 'PodNotDirect',
    remedy:
      'Give the Pod an ENI address: Pod annotation tke.cloud.tencent.com/networks: tke-route-eni and a container request and limit tke.cloud.tencent.com/eni-ip: "1", no hostNetwork.',
  },
  E4036: {
    reason: 'BackendConflict',
    remedy: 'Let the Pod listen on a port of its own for each listener of one load balancer.',
  },
  E4041: {
    reason: 'BackendServiceMissing',
    remedy: 'Create the Service, or correct the rule; the others are served meanwhile.',
  },
  E4042: {
    reason: 'BackendServicePortMissing',
    remedy: 'Name a port that the Service has; the other rules are served meanwhile.',
  },
  E4047: {
    reason: 'BackendServiceHasNoNodePort',
    remedy:
      'Make it a NodePort Service, or set ingress.cloud.tencent.com/direct-access: "true" on the Ingress.',
  },
  E4031: { reason: 'PathNotAllowed', remedy: 'Begin it with /, with 1 to 120 of a-z A-Z 0-9 . - / = ? _.' },
  E4052: { reason: 'HostNotAllowed', remedy: 'Use a DNS name, or one whose first label is *.' },
  E4054: { reason: 'TargetQuotaReached', remedy: 'Raise the quota of targets per listener.' },
  E4082: {
    reason: 'ServiceWithoutSelector',
    remedy: 'Give the Service a selector; direct access binds Pods.',
  },
  E4101: {
    reason: 'PortTaken',
    remedy: 'Use another port, or remove what holds it; it is tried again by itself then.',
  },
  D1001: {
    reason: 'AnnotationNotAllowed',
    remedy: 'Set the annotation to one of the allowed values, or remove it.',
  },
  D1002: {
    reason: 'EndpointNotOfItsPod',
    remedy: 'Only Pods of the same namespace are bound; remove the endpoint or correct its targetRef.',
  },
  D1004: { reason: 'ProtocolNotServed', remedy: 'Use protocol TCP.' },
  D1005: { reason: 'ListenerTaken', remedy: 'Use another port, or remove the listener that is in the way.' },
  D1006: {
    reason: 'ListenerQuotaReached',
    remedy: 'Raise the quota of listeners of the load balancer, or use fewer ports.',
  },
  D1008: {
    reason: 'NoServingPodLeft',
    remedy: 'Look at the Pods: none is ready. Those not ready keep their weight meanwhile.',
  },
  D1010: {
    reason: 'MoveRefused',
    remedy:
      'Remove the annotation; or give the object up first (a Service: type ClusterIP, an Ingress: another class), and then ask anew.',
  },
  D1011: {
    reason: 'NoNodeMatches',
    remedy: 'Label nodes, or correct service.kubernetes.io/qcloud-loadbalancer-backends-label.',
  },
  D1012: {
    reason: 'HttpsNotServed',
    remedy:
      'Remove the host from spec.tls; it would be served without protection, so it is not served at all.',
  },
  D1013: {
    reason: 'PathTypeNotServed',
    remedy: 'Use pathType Prefix or ImplementationSpecific.',
  },
  D1009: {
    reason: 'LoadBalancerApiRefused',
    remedy:
      'See the message of the CLB; it is tried again every half minute, and at once when the object changes.',
  },
  D1020: {
    reason: 'RuleTaken',
    remedy: 'Use another host or path, or remove the one that holds it; it is tried again by itself then.',
  },
  D1021: {
    reason: 'LoadBalancerIsolated',
    remedy:
      'Look at the load balancer: an isolated one must be paid for, or replaced; it is tried again by itself.',
  },
  D1022: {
    reason: 'RuleQuotaReached',
    remedy: 'Raise the quota of rules of a listener, or use fewer hosts and paths.',
  },
  D1023: {
    reason: 'LoadBalancerOfAnotherObject',
    remedy:
      'Name a load balancer that you made yourself; this one goes with the object that it was made for.',
  },
  D1024: { reason: 'ListenerMadeAnew', remedy: 'Nothing to do; the port was not served meanwhile.' },
} as const satisfies Record<string, { readonly reason: string; readonly remedy: string }>;

export type ProblemCode = keyof typeof problemTable;

export interface Problem {
  readonly code: ProblemCode;
  /** `error`: what it is about is not served. `warning`: served, but look. */
  readonly severity: 'error' | 'warning';
  /** What is wrong, with the value that is; the remedy stands in the table. */
  readonly message: string;
  /** Holds no gate: what is refused cannot be waited for (law L7). */
  readonly about?: {
    /** Without a rule: all of the listener. */
    readonly listener?: Place;
    readonly podUid?: string;
  };
}

export const problem = (
  code: ProblemCode,
  message: string,
  more: { severity?: Problem['severity']; about?: Problem['about'] } = {},
): Problem => ({
  code,
  severity: more.severity ?? 'error',
  message,
  ...(more.about === undefined ? {} : { about: more.about }),
});
