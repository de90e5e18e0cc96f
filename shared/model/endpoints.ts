import type { DeriveOptions } from './claim.ts';
import type { Backends, Endpoint, LeavingCause, LeavingEndpoint } from './desired-state.ts';
import type { PodFact, ServiceFact, ServicePortFact } from './facts.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

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

/** What the slices show for a port. */
export interface Found {
  readonly endpoints: readonly Endpoint[];
  readonly problems: readonly Problem[];
}

/** The endpoints that slices show for one port of the Service, each checked against its very Pod (law L9). */
export const endpointsFromSlices = (
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
        endpoints.push({ ip, port: slicePort, backendUid: pod.ref.uid });
      }
    }
  }
  return { endpoints, problems };
};

/** Whose endpoints a place has, and how to tell what became of one that left. */
export interface Backing {
  readonly mode: 'direct' | 'node-port';
  readonly found: readonly Endpoint[];
  /** Whether a Pod belongs here still. */
  readonly belongs: (pod: PodFact) => boolean;
}

interface Was {
  readonly ip: string;
  readonly port: number;
  readonly backendUid: string;
}

/**
 * What became of an endpoint that was at a place: it is one still (`stays`), it left for a cause that was seen, or
 * nothing tells (law L5).
 */
const fateOf = (
  view: View,
  was: Was,
  { mode, found, belongs }: Backing,
): 'stays' | LeavingCause | undefined => {
  const elsewhere = found.some(
    (endpoint) => endpoint.backendUid === was.backendUid && endpoint.port !== was.port,
  );
  const node = view.node(was.backendUid);
  if (node !== undefined) {
    if (!node.ips.includes(was.ip)) return 'address-changed';
    if (mode === 'direct') return 'mode-changed';
    // A node that no longer takes traffic, or runs no Pod, lives: it is drained.
    return elsewhere ? 'port-changed' : 'unselected';
  }
  if (view.nodeIsGone(was.backendUid)) return 'node-deleted';
  const pod = view.pod(was.backendUid);
  if (pod === undefined) {
    if (view.gonePod(was.backendUid) !== undefined) return 'pod-deleted';
    const other = view.podAt(was.ip);
    return other === undefined ? undefined : 'other-pod';
  }
  if (pod.ended) return 'pod-ended';
  if (pod.ips.length > 0 && !pod.ips.includes(was.ip)) return 'address-changed';
  if (!belongs(pod)) return 'unselected';
  if (mode === 'node-port') return 'mode-changed';
  return elsewhere ? 'port-changed' : 'stays';
};

/** What stands at a place now, and what left it since `before`, with its cause (law L5). */
export const backendsNow = (
  view: View,
  backing: Backing,
  before: Backends | undefined,
  previousApplied: boolean,
  now: number,
): Pick<Backends, 'endpoints' | 'leaving'> => {
  const endpoints = [...backing.found];
  const leaving: LeavingEndpoint[] = [];
  const backendsAt = new Map<string, readonly string[]>();
  const addressOf = ({ ip, port }: { readonly ip: string; readonly port: number }): string => `${ip} ${port}`;
  for (const endpoint of backing.found) {
    const address = addressOf(endpoint);
    backendsAt.set(address, [...(backendsAt.get(address) ?? []), endpoint.backendUid]);
  }
  /** Somebody is wanted at the address; with a UID: that one. */
  const wanted = (address: {
    readonly ip: string;
    readonly port: number;
    readonly backendUid?: string;
  }): boolean => {
    const uids = backendsAt.get(addressOf(address));
    return uids !== undefined && (address.backendUid === undefined || uids.includes(address.backendUid));
  };
  for (const was of before?.endpoints ?? []) {
    if (wanted(was)) continue;
    const fate = fateOf(view, was, backing);
    // A slice that lost an endpoint is no evidence while its Pod lives and matches.
    if (fate === 'stays') endpoints.push(was);
    else if (fate !== undefined) leaving.push({ ...leavingOf(was), cause: fate, since: now });
  }
  for (const was of before?.leaving ?? []) {
    if (wanted(was) || previousApplied) continue;
    const { backendUid } = was;
    const fate = backendUid === undefined ? undefined : fateOf(view, { ...was, backendUid }, backing);
    const cause = fate === undefined || fate === 'stays' ? was.cause : fate;
    leaving.push({ ...was, cause });
  }
  const order = (a: { ip: string; port: number }, b: { ip: string; port: number }): number =>
    a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1;
  return { endpoints: endpoints.sort(order), leaving: leaving.sort(order) };
};

const leavingOf = ({ ip, port, backendUid }: Endpoint): Omit<LeavingEndpoint, 'cause' | 'since'> => ({
  ip,
  port,
  backendUid,
});
