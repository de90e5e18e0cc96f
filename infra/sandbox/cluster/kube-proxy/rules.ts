import type { Endpoint, EndpointSlice, Service } from '../objects.ts';

export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
}

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** What a node does with new connections to one of its ports. */
export interface NodePortRule {
  readonly service: ServiceName;
  readonly nodePort: number;
  /** The endpoint sees the client's address (policy Local), not the node's. */
  readonly keepsClient: boolean;
  /** A client stays with its endpoint for so long after its last connection. */
  readonly affinitySeconds: number | undefined;
  /** Where new connections may go; empty: they are refused. */
  readonly endpoints: readonly ProxyEndpoint[];
}

/** What a node answers on a Service's health check port. */
export interface HealthRule {
  readonly service: ServiceName;
  readonly port: number;
  readonly localEndpoints: number;
}

export interface NodeRules {
  readonly nodePorts: readonly NodePortRule[];
  readonly healthChecks: readonly HealthRule[];
}

const serviceLabel = 'kubernetes.io/service-name';
/** A Service with this label is another proxy's. */
const otherProxyLabel = 'service.kubernetes.io/service-proxy-name';
const usualAffinitySeconds = 10_800;

const slicesByService = (slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> => {
  const found = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const name = slice.metadata.labels?.[serviceLabel];
    if (name === undefined || slice.addressType !== 'IPv4') continue;
    const key = `${slice.metadata.namespace}/${name}`;
    const list = found.get(key);
    if (list === undefined) found.set(key, [slice]);
    else list.push(slice);
  }
  return found;
};

interface Candidate extends ProxyEndpoint {
  readonly ready: boolean;
  readonly fallback: boolean;
  readonly local: boolean;
}

const candidates = (slices: readonly EndpointSlice[], portName: string, node: string): Candidate[] => {
  const found = new Map<string, Candidate>();
  for (const { endpoints, ports } of slices) {
    const port = ports?.find(
      ({ name = '', protocol = 'TCP' }) => name === portName && protocol === 'TCP',
    )?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions, nodeName } of endpoints ?? []) {
      const [ip] = addresses;
      if (ip === undefined) continue;
      // Whoever wrote the slice may have left conditions out: then it is ready.
      const {
        ready = true,
        serving = ready,
        terminating = false,
      }: Partial<Endpoint['conditions']> = conditions ?? {};
      const candidate = { ip, port, ready, fallback: serving && terminating, local: nodeName === node };
      // A Pod that moves from slice to slice is in two of them for a moment: what is ready counts.
      const known = found.get(`${ip}:${port}`);
      if (known === undefined || (!known.ready && ready)) found.set(`${ip}:${port}`, candidate);
    }
  }
  return [...found.values()];
};

/** Those that are ready; where none is, those that still serve while they terminate (KEP-1669). */
const usable = (list: readonly Candidate[]): readonly Candidate[] => {
  const ready = list.filter((one) => one.ready);
  return ready.length > 0 ? ready : list.filter((one) => one.fallback);
};

/**
 * What kube-proxy of one node makes of all Services and slices: a rule for each node port over TCP, and a health check
 * for each LoadBalancer of policy Local. The order of endpoints does not depend on that of the slices.
 */
export const rulesOf = (
  node: string,
  services: readonly Service[],
  slices: readonly EndpointSlice[],
): NodeRules => {
  const bySlice = slicesByService(slices);
  const nodePorts: NodePortRule[] = [];
  const healthChecks: HealthRule[] = [];
  for (const { metadata, spec } of services) {
    if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') continue;
    if (metadata.labels?.[otherProxyLabel] !== undefined) continue;
    const service = { namespace: metadata.namespace ?? '', name: metadata.name };
    const own = bySlice.get(`${service.namespace}/${service.name}`) ?? [];
    const keepsClient = spec.externalTrafficPolicy === 'Local';
    const readyLocal = new Set<string>();
    for (const { name = '', nodePort = 0, protocol = 'TCP' } of spec.ports ?? []) {
      const all = protocol === 'TCP' ? candidates(own, name, node) : [];
      for (const { ip, ready, local } of all) if (ready && local) readyLocal.add(ip);
      if (protocol !== 'TCP' || nodePort === 0) continue;
      const endpoints = usable(keepsClient ? all.filter(({ local }) => local) : all)
        .map(({ ip, port }) => ({ ip, port }))
        .sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
      const affinitySeconds =
        spec.sessionAffinity === 'ClientIP'
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? usualAffinitySeconds)
          : undefined;
      nodePorts.push({ service, nodePort, keepsClient, affinitySeconds, endpoints });
    }
    const { healthCheckNodePort: port = 0 } = spec;
    if (spec.type === 'LoadBalancer' && keepsClient && port !== 0) {
      // Terminating endpoints do not count: the load balancer is to leave this node while they still serve.
      healthChecks.push({ service, port, localEndpoints: readyLocal.size });
    }
  }
  return { nodePorts, healthChecks };
};
