import type { Lane } from '../model/desired-state.ts';
import type { Hold } from '../model/hold.ts';
import type { Action, Answer, Requests } from './clb-api.ts';
import { ClbError, type Newer } from './clb-port.ts';
import { sortAnswer } from './errors.ts';
import type { ClbOptions } from './paced.ts';
import { paced } from './paced.ts';

/** Newer states arrived before a call, which was not made. */
export class Superseded extends Error {}

/** A check of the hold is good for so long (law L4). */
const checkMs = 2_000;
/** While a task is waited for, the hold is renewed at least this often. */
const renewMs = 5_000;
const firstPollMs = 150;
const maxPollMs = 500;
const defaultTaskTimeoutMs = 10_000;

/** Writes under a hold: checked where the request is written, and once more after the answer (law L4). */
export class Writer {
  readonly #options: ClbOptions;
  readonly #hold: Hold;
  readonly #lane: Lane;
  readonly #stopForNewer: boolean;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #newer: Newer | undefined;

  /** With `stopForNewer` no call is made once newer states are known; without, they are only told. */
  constructor(options: ClbOptions, hold: Hold, lane: Lane, stopForNewer: boolean) {
    this.#options = options;
    this.#hold = hold;
    this.#lane = lane;
    this.#stopForNewer = stopForNewer;
  }

  /** What the last check brought; a hold tells it once, so it must not be lost. */
  get newer(): Newer | undefined {
    return this.#newer;
  }

  /** One write. Throws Superseded (nothing was sent) or ClbError. */
  async write<A extends Action>(action: A, request: Requests[A]): Promise<Answer<A>> {
    this.#stop();
    let asked = false;
    const answer = await paced(this.#options, this.#lane, action, request, async () => {
      if (asked && this.#options.clock.now() - this.#checkedAt < checkMs) return;
      asked = true;
      await this.#check(action);
      this.#stop();
    });
    await this.#check(action);
    return answer;
  }

  async read<A extends Action>(action: A, request: Requests[A]): Promise<Answer<A>> {
    return paced(this.#options, this.#lane, action, request);
  }

  /**
   * Waits for an asynchronous call's task. Throws ClbError: what its message says if it failed, `busy` if it still
   * runs after the time-out. A poll that fails is followed by another.
   */
  async finish(action: Action, taskId: string): Promise<void> {
    const seen = await this.poll(action, taskId, (task) => task.status !== 'running');
    if (seen === undefined) {
      throw new ClbError(action, { kind: 'busy', message: 'its task still runs', taken: true }, taskId);
    }
    if (seen.status === 'failed') {
      throw new ClbError(action, sortAnswer('FailedOperation', seen.message), taskId);
    }
  }

  /**
   * Reads a task until `enough`; undefined: not within the time-out. Throws ClbError `unknown-outcome` when the CLB does
   * not know it (any more, or yet): the write itself was taken, so it is not refused.
   */
  async poll(
    action: Action,
    taskId: string,
    enough: (task: Answer<'DescribeTaskStatus'>) => boolean,
  ): Promise<Answer<'DescribeTaskStatus'> | undefined> {
    const { clock } = this.#options;
    const end = clock.now() + (this.#options.taskTimeoutMs ?? defaultTaskTimeoutMs);
    let waitMs = firstPollMs;
    while (clock.now() < end) {
      await clock.sleep(waitMs);
      if (clock.now() - this.#checkedAt >= renewMs) await this.#check(action);
      try {
        const task = await this.read('DescribeTaskStatus', { TaskId: taskId });
        if (enough(task)) {
          await this.#check(action);
          return task;
        }
      } catch (error) {
        const failure = error instanceof ClbError ? error.failure : undefined;
        if (failure?.kind === 'refused' && failure.code.startsWith('InvalidParameter')) {
          const message = `its task is not known: ${failure.code}: ${failure.message}`;
          throw new ClbError(action, { kind: 'unknown-outcome', message }, taskId);
        }
        if (
          failure?.kind !== 'throttled' &&
          failure?.kind !== 'unknown-outcome' &&
          failure?.kind !== 'busy'
        ) {
          throw error;
        }
      }
      waitMs = Math.min(waitMs * 1.5, maxPollMs);
    }
    return undefined;
  }

  #stop(): void {
    if (this.#stopForNewer && this.#newer !== undefined) throw new Superseded();
  }

  async #check(action: Action): Promise<void> {
    const answer = await this.#hold.check();
    if (answer.answer === 'lost') throw new ClbError(action, { kind: 'lost' });
    this.#checkedAt = this.#options.clock.now();
    if (answer.answer === 'newer') this.#newer = answer;
  }
}
