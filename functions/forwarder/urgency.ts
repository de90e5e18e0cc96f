import type { Change } from '../../shared/kubernetes/change.ts';
import type { PodFact } from '../../shared/model/facts.ts';

const leaves = (pod: PodFact): boolean => pod.terminatingAt !== undefined || pod.ended;

/**
 * Whether the change of a Pod is not to be coalesced with others: it starts to go (so that its weight becomes 0 as
 * early as can be), or its containers just became ready (so that it is bound).
 *
 * @param before what was known of the Pod until now
 */
export const isUrgent = (before: PodFact | undefined, change: Change<PodFact>): boolean => {
  const left = before !== undefined && leaves(before);
  if (change.type === 'gone') return !left;
  if (leaves(change.fact)) return !left;
  return change.fact.containersReady && before?.containersReady !== true;
};
