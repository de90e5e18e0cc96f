import type { DesiredState } from '../../shared/model/desired-state.ts';
import { isWaiting } from '../../shared/model/gates.ts';

/** Which Pods wait for their gate, as far as the states that were put tell. */
export class WaitingPods {
  readonly #byObject = new Map<string, ReadonlySet<string>>();

  /** A state was put. True: a Pod waits that did not before. */
  note(state: DesiredState): boolean {
    const { uid } = state.object;
    const before = this.#byObject.get(uid);
    const now = new Set(
      state.intent === 'serve' ? state.pods.filter(isWaiting).map(({ ref }) => ref.uid) : [],
    );
    if (now.size === 0) this.#byObject.delete(uid);
    else this.#byObject.set(uid, now);
    return [...now].some((podUid) => before?.has(podUid) !== true);
  }

  get any(): boolean {
    return this.#byObject.size > 0;
  }

  clear(): void {
    this.#byObject.clear();
  }
}
