import { type Lane, type LoadBalancerKey, lanes } from '../../shared/model/desired-state.ts';
import type { Ring } from '../../shared/queue/doorbell/doorbell.ts';

const moreUrgent = (a: Lane, b: Lane): Lane => (lanes.indexOf(a) <= lanes.indexOf(b) ? a : b);

/** Load balancers that wait for an invocation; each once, in the most urgent lane that it was rung for. */
export class Backlog {
  readonly #byLane: Readonly<Record<Lane, Set<LoadBalancerKey>>> = {
    drain: new Set(),
    ready: new Set(),
    rest: new Set(),
    sweep: new Set(),
  };
  readonly #laneOf = new Map<LoadBalancerKey, Lane>();

  get size(): number {
    return this.#laneOf.size;
  }

  sizeOf(lane: Lane): number {
    return this.#byLane[lane].size;
  }

  add({ loadBalancerKey, lane }: Ring): void {
    const known = this.#laneOf.get(loadBalancerKey);
    const next = known === undefined ? lane : moreUrgent(known, lane);
    if (known === next) return;
    if (known !== undefined) this.#byLane[known].delete(loadBalancerKey);
    this.#laneOf.set(loadBalancerKey, next);
    this.#byLane[next].add(loadBalancerKey);
  }

  /** The most urgent lane that has something which `mayGo`. */
  first(mayGo: (key: LoadBalancerKey) => boolean): Lane | undefined {
    return lanes.find((lane) => {
      for (const key of this.#byLane[lane]) if (mayGo(key)) return true;
      return false;
    });
  }

  /**
   * Takes the next batch: urgent lanes first. A sweep never shares an invocation with anything else: nothing waits
   * for it to end; nor does what `goesAlone`.
   */
  take(
    most: number,
    mayGo: (key: LoadBalancerKey) => boolean,
    goesAlone: (key: LoadBalancerKey) => boolean,
  ): readonly LoadBalancerKey[] {
    const batch: LoadBalancerKey[] = [];
    for (const lane of lanes) {
      if (lane === 'sweep' && batch.length > 0) break;
      for (const key of this.#byLane[lane]) {
        if (batch.length >= most) return batch;
        if (!mayGo(key)) continue;
        const alone = goesAlone(key);
        if (alone && batch.length > 0) continue;
        this.#byLane[lane].delete(key);
        this.#laneOf.delete(key);
        batch.push(key);
        if (alone) return batch;
      }
    }
    return batch;
  }

  clear(): void {
    this.#laneOf.clear();
    for (const lane of lanes) this.#byLane[lane].clear();
  }
}
