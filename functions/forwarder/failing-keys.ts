import type { LoadBalancerKey } from '../../shared/model/desired-state.ts';

interface Failing {
  readonly failures: number;
  /** Unix ms. */
  readonly notBefore: number;
}

const pauseFirstMs = 500;
const pauseMostMs = 5_000;
const heldPauseMs = 50;

/**
 * Load balancers whose last invocation failed or crashed. The first time they are tried again at once, then in
 * growing pauses, and always alone: what kills its function must not take others with it (law L12).
 */
export class FailingKeys {
  readonly #failing = new Map<LoadBalancerKey, Failing>();

  failed(key: LoadBalancerKey, now: number): void {
    const failures = (this.#failing.get(key)?.failures ?? 0) + 1;
    const pauseMs = failures === 1 ? 0 : Math.min(pauseMostMs, pauseFirstMs * 2 ** (failures - 2));
    this.#failing.set(key, { failures, notBefore: now + pauseMs });
  }

  /**
   * Somebody else has it, or nobody may take it now, though the store calls it due: asked again a little later, not in
   * the same turn. (With a store in memory the whole way there and back has no other pause.)
   */
  heldUp(key: LoadBalancerKey, now: number): void {
    this.#failing.set(key, { failures: 0, notBefore: now + heldPauseMs });
  }

  ended(key: LoadBalancerKey): void {
    this.#failing.delete(key);
  }

  /** Something new was put for it: worth a try, whatever came before. */
  rung(key: LoadBalancerKey): void {
    const failing = this.#failing.get(key);
    if (failing !== undefined) this.#failing.set(key, { ...failing, notBefore: 0 });
  }

  mayGo(key: LoadBalancerKey, now: number): boolean {
    return (this.#failing.get(key)?.notBefore ?? 0) <= now;
  }

  /** Unix ms when the next one that rests may go; Infinity: none rests. */
  nextAt(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { notBefore } of this.#failing.values()) if (notBefore > now) next = Math.min(next, notBefore);
    return next;
  }

  goesAlone(key: LoadBalancerKey): boolean {
    return (this.#failing.get(key)?.failures ?? 0) > 0;
  }

  clear(): void {
    this.#failing.clear();
  }
}
