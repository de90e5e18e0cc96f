import { isDeepStrictEqual } from './deep-equal.ts';
import type { DesiredState, Lane, PodState } from './desired-state.ts';

const waits = (pod: PodState): boolean => pod.gate !== undefined && pod.gate.status !== 'True';

/** Without what moves by itself: a resourceVersion matters only where a message of ours must carry it. */
const content = (state: DesiredState): unknown => ({
  ...state,
  resourceVersion: undefined,
  pods: state.pods.map((pod) => (waits(pod) ? pod : { ...pod, resourceVersion: undefined })),
});

/** Equal in all that matters to the CLB, the gates and the object: not worth sending again. */
export const sameContent = (a: DesiredState, b: DesiredState): boolean =>
  isDeepStrictEqual(content(a), content(b));

/** A Pod that starts terminating → drain; whose containers just became ready → ready; else rest. */
export const laneOf = (previous: DesiredState | undefined, next: DesiredState): Lane => {
  const before = new Map(previous?.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  const leaves = (pod: PodState): boolean => pod.terminatingAt !== undefined || pod.ended;
  const drains = next.pods.some((pod) => {
    const was = before.get(pod.ref.uid);
    return leaves(pod) && (was === undefined || !leaves(was));
  });
  if (drains) return 'drain';
  const becameReady = next.pods.some(
    (pod) => pod.containersReady && before.get(pod.ref.uid)?.containersReady !== true,
  );
  const known = new Set(
    previous?.listeners.flatMap(({ backends }) => backends.endpoints.map(({ backendUid }) => backendUid)),
  );
  const newEndpoint = next.listeners.some(({ backends }) =>
    backends.endpoints.some(({ backendUid }) => !known.has(backendUid)),
  );
  return becameReady || newEndpoint ? 'ready' : 'rest';
};
