import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { Log } from '../../shared/process/log.ts';

/**
 * Names, once each, the Pods behind direct objects that have no readiness gate of ours: a rolling update does not
 * wait for the load balancer with them. In the guide's order (Deployment first) these are the first Pods.
 */
export class UngatedPods {
  readonly #known = new Set<string>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  note(state: DesiredState): void {
    if (state.intent !== 'serve') return;
    const found = state.pods.filter(
      ({ ref, gate, terminatingAt, ended }) =>
        gate === undefined && terminatingAt === undefined && !ended && !this.#known.has(ref.uid),
    );
    for (const { ref } of found) this.#known.add(ref.uid);
    if (found.length === 0) return;
    this.#log.warn(
      'Pods of a direct object have no readiness gate; they get it when they are created anew (kubectl rollout restart).',
      {
        object: `${state.object.namespace}/${state.object.name}`,
        pods: found.map(({ ref }) => ref.name),
      },
    );
  }

  forget(podUid: string): void {
    this.#known.delete(podUid);
  }
}
