import type { DesiredState, PodState } from './desired-state.ts';

/** `web-3` of the StatefulSet `web` has ordinal 3. */
const ordinalOf = (podName: string, statefulSet: string): number | undefined => {
  const rest = podName.startsWith(`${statefulSet}-`) ? podName.slice(statefulSet.length + 1) : '';
  return /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : undefined;
};

const ordinalWeight = (
  state: DesiredState,
  pod: PodState,
  listener: { readonly protocol: string; readonly port: number },
): number | undefined => {
  const group = state.ordinalWeights?.groups.find(
    (candidate) => candidate.protocol === listener.protocol && candidate.port === listener.port,
  );
  if (group === undefined) return undefined;
  for (const statefulSet of group.statefulSets) {
    const ordinal = ordinalOf(pod.ref.name, statefulSet.name);
    if (ordinal === undefined) continue;
    const listed = statefulSet.weights.find((entry) => entry.ordinals.includes(ordinal));
    if (listed !== undefined) return listed.weight;
  }
  return state.ordinalWeights?.defaultWeight;
};

/**
 * The weight (0 to 100) of a Pod that serves: its annotation `custom-weight`, then `lb-rs-weight`, then the
 * default. Draining and not being ready come first, and are the planner's.
 */
export const servingWeight = (
  state: DesiredState,
  pod: PodState,
  listener: { readonly protocol: string; readonly port: number },
  defaultWeight: number,
): number => pod.customWeight ?? ordinalWeight(state, pod, listener) ?? defaultWeight;
