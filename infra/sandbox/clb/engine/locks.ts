import { ApiError } from '../api-error.ts';

/** One lock per load balancer. A write that finds it taken fails at once; nothing queues. */
export class Locks {
  readonly #taken = new Map<string, string>();
  #conflicts = 0;

  /** Writes that were refused. */
  get conflicts(): number {
    return this.#conflicts;
  }

  isTaken(loadBalancerId: string): boolean {
    return this.#taken.has(loadBalancerId);
  }

  /**
   * The two message templates that are known alternate.
   *
   * @throws ApiError FailedOperation.ResourceInOperating
   */
  check(loadBalancerId: string): void {
    const taskName = this.#taken.get(loadBalancerId);
    if (taskName === undefined) return;
    this.#conflicts += 1;
    throw new ApiError(
      'FailedOperation.ResourceInOperating',
      this.#conflicts % 2 === 1
        ? `Loadbalancer(${loadBalancerId}) is not in normal desState, maybe some tasks are being processed, please try later.`
        : `Your task is working (${taskName}). Pls wait for the task to complete and try again.`,
    );
  }

  /** @throws ApiError FailedOperation.ResourceInOperating */
  take(loadBalancerId: string, taskName: string): void {
    this.check(loadBalancerId);
    this.#taken.set(loadBalancerId, taskName);
  }

  release(loadBalancerId: string): void {
    this.#taken.delete(loadBalancerId);
  }
}
