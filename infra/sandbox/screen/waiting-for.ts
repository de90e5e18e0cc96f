import type { PodState } from '../scenario/run-state.ts';

/** What a Pod waits for next, in a few words; empty when it serves. */
export const waitingFor = ({ pod, target }: PodState): string => {
  if (pod.terminating) {
    if (target !== undefined && target.weight > 0) return 'weight 0';
    return 'its last answers';
  }
  if (pod.ip === undefined) return 'an address';
  if (!pod.containersReady) return 'its containers';
  if (target === undefined) return 'being bound';
  if (target.health !== 'Alive') return 'its health check';
  if (pod.gate === 'closed') return 'its gate';
  if (!pod.ready) return 'Ready';
  return '';
};
