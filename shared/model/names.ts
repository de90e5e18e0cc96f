/**
 * Every name that we write into the cluster or the CLB, and read back from it to know what is ours (law L8).
 */

/** On every object that we made something for; taken off when it is cleaned. */
export const finalizer = 'clb-direct.io/resources';

/** Which load balancer of this UID lives; part of the ClientToken. Written with the finalizer. */
export const lifeAnnotation = 'clb-direct.io/life';

/**
 * Which load balancer the object has, for good: `created`, or the id of an existing one. Written with the finalizer;
 * absent: `created`.
 */
export const sourceAnnotation = 'clb-direct.io/load-balancer';

/** Read-only output annotation that TKE users know. */
export const loadBalancerIdAnnotation = 'service.kubernetes.io/loadbalance-id';

/** The same, for Ingresses. */
export const ingressLoadBalancerIdAnnotation = 'kubernetes.io/ingress.qcloud-loadbalance-id';

/** The same, beside TKE's own controllers: none of TKE's output annotations is written there. */
export const ownLoadBalancerIdAnnotation = 'clb-direct.io/load-balancer-id';

/** Where the id of an object's load balancer is written, and read back. */
export const loadBalancerIdAnnotationOf = (
  kind: 'Service' | 'Ingress',
  claim: 'annotation' | 'class',
): string => {
  if (claim === 'class') return ownLoadBalancerIdAnnotation;
  return kind === 'Ingress' ? ingressLoadBalancerIdAnnotation : loadBalancerIdAnnotation;
};

export const defaultGateType = 'cloud.tencent.com/load-balancer-backendgroup-ready';

/** The gate's reason once it is open, as on TKE. */
export const gateOpenReason = 'LoadBalancerNetworkGroupReady';

export const clusterTag = 'clb-direct-cluster';
export const objectTag = 'clb-direct-object';

/** Tags of load balancers that we create. */
export const tags = (clusterId: string, objectUid: string): Readonly<Record<string, string>> => ({
  [clusterTag]: clusterId,
  [objectTag]: objectUid,
});

/** On load balancers that TKE made. */
export const tkeMadeTag = 'tke-createdBy-flag';

/** On load balancers that a cluster of TKE uses. */
export const tkeClusterTag = 'tke-clusterId';

/** The CLB allows 80 characters in a listener's name; a UID has 36. */
export const clusterIdMaxLength = 32;

const prefix = 'clb-direct';

export const listenerName = (clusterId: string, objectUid: string): string =>
  `${prefix}/${clusterId}/${objectUid}`;

/** The owner that a listener's name tells; undefined when the listener is not of this cluster of ours. */
export const listenerOwner = (clusterId: string, name: string): string | undefined => {
  const start = `${prefix}/${clusterId}/`;
  const uid = name.startsWith(start) ? name.slice(start.length) : '';
  return uid.length > 0 && !uid.includes('/') ? uid : undefined;
};

/** At most 64 ASCII characters; the same for the same life of the same object. */
export const clientToken = (objectUid: string, life: number): string => `${objectUid}-${life}`;

/** 1 to 80 characters, told apart in the console. */
export const loadBalancerName = (clusterId: string, namespace: string, name: string): string =>
  `${clusterId}_${namespace}_${name}`.slice(0, 80);
