import type { DesiredState, LeavingEndpoint, ListenerWant } from './desired-state.ts';
import type { PodFact } from './facts.ts';
import type { EvidenceWanted } from './hold.ts';
import { type Place, samePlace } from './place.ts';

/**
 * Adds the evidence of a consistent list to the targets that a planner asked about: nobody has the address
 * (`absent`), or a Pod has it that does not belong (`unselected`, drained) or serves at another port.
 *
 * @param pods every Pod that may have one of the addresses, read consistently (resourceVersion unset)
 * @param belongs whether the Pod belongs at the place of the object
 */
export const withEvidence = (
  state: DesiredState,
  wanted: readonly EvidenceWanted[],
  pods: readonly PodFact[],
  belongs: (pod: PodFact, place: Place) => boolean,
  now: number,
): DesiredState => {
  const leavingOf = (
    listener: ListenerWant,
    target: { readonly ip: string; readonly port: number },
  ): LeavingEndpoint | undefined => {
    const pod = pods.find((candidate) => candidate.ips.includes(target.ip) && !candidate.hostNetwork);
    if (pod === undefined) return { ...target, cause: 'absent', since: now };
    const backendUid = pod.ref.uid;
    if (pod.ended) return { ...target, backendUid, cause: 'pod-ended', since: now };
    if (!belongs(pod, listener)) return { ...target, backendUid, cause: 'unselected', since: now };
    const elsewhere = listener.backends.endpoints.some((endpoint) => endpoint.backendUid === backendUid);
    return elsewhere ? { ...target, backendUid, cause: 'port-changed', since: now } : undefined;
  };
  const listeners = state.listeners.map((listener): ListenerWant => {
    const targets = wanted.find((entry) => samePlace(entry, listener))?.targets ?? [];
    const { endpoints, leaving } = listener.backends;
    const added = targets
      .filter(
        (target) =>
          ![...endpoints, ...leaving].some(({ ip, port }) => ip === target.ip && port === target.port),
      )
      .flatMap((target) => leavingOf(listener, target) ?? []);
    return added.length === 0
      ? listener
      : { ...listener, backends: { ...listener.backends, leaving: [...leaving, ...added] } };
  });
  return { ...state, listeners };
};
