import { type DeriveOptions, holdersOf } from './claim.ts';
import type { PodState } from './desired-state.ts';
import type { ObjectRef, PodFact } from './facts.ts';
import { isNewer } from './resource-version.ts';
import type { View } from './view.ts';

/**
 * A Pod as a desired state carries it.
 *
 * @param forKind of the object whose state it is: Services and Ingresses ask for weights apart
 */
export const podState = (
  view: View,
  pod: PodFact,
  options: DeriveOptions,
  forKind: ObjectRef['kind'],
): PodState => {
  const customWeight = forKind === 'Ingress' ? pod.ingressCustomWeight : pod.customWeight;
  const gate = pod.gates.find((candidate) => candidate.type === options.gateType);
  const foreign = pod.gates.filter((candidate) => candidate.type !== options.gateType);
  return {
    ref: pod.ref,
    resourceVersion: pod.resourceVersion,
    ips: pod.ips,
    containersReady: pod.containersReady,
    ...(pod.containersReadyChangedAt === undefined
      ? {}
      : { containersReadyChangedAt: pod.containersReadyChangedAt }),
    ready: pod.ready,
    ...(pod.readyChangedAt === undefined ? {} : { readyChangedAt: pod.readyChangedAt }),
    ...(gate === undefined ? {} : { gate }),
    foreignGatesOpen: foreign.every((candidate) => candidate.status === 'True'),
    ...(pod.terminatingAt === undefined ? {} : { terminatingAt: pod.terminatingAt }),
    ended: pod.ended,
    ...(customWeight === undefined ? {} : { customWeight }),
    heldBy: holdersOf(view, pod, options),
  };
};

/**
 * What the store was told is never undone by an older fact, as a lagging API server gives one: per UID the
 * resourceVersion orders truth, and terminating is one-way (law L2).
 */
export const notOlder = (fact: PodState, before: PodState | undefined): PodState => {
  if (before === undefined) return fact;
  const known = isNewer(before.resourceVersion, fact.resourceVersion) ? before : fact;
  const { terminatingAt } = before;
  return known.terminatingAt === undefined && terminatingAt !== undefined
    ? { ...known, terminatingAt }
    : known;
};
