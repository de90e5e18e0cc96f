import { randomUUID } from 'node:crypto';
import type { Action, Answer } from './actions/action.ts';
import { isolationActions } from './actions/isolation.ts';
import type { Engine } from './engine/engine.ts';
import { Effects } from './faults.ts';

/** Real milliseconds between two looks. */
const lookMs = 5;

/** The load balancers that a call is about. */
export const loadBalancersOf = (parameters: Readonly<Record<string, unknown>>): readonly string[] => {
  const { LoadBalancerId: one, LoadBalancerIds: several } = parameters;
  const ids: readonly unknown[] = typeof one === 'string' ? [one] : Array.isArray(several) ? several : [];
  return ids.filter((id) => typeof id === 'string');
};

/**
 * Somebody else of the account, in the console: what they do is no call of the API. No key, no limit of calls and no
 * fault stands in their way, and no record shows them; the lock does, and theirs stands in the way of others.
 */
export class ByHand {
  readonly #engine: Engine;
  readonly #actions: ReadonlyMap<string, Action>;
  readonly #region: string;

  /** @param actions those of the API, to which the console's own are added */
  constructor(engine: Engine, actions: ReadonlyMap<string, Action>, region: string) {
    this.#engine = engine;
    this.#actions = new Map([...actions, ...isolationActions().map((one) => [one.name, one] as const)]);
    this.#region = region;
  }

  /**
   * Does what an action of the API does, or what only the console can: waits for the lock, and resolves when the change is there and the lock free.
   *
   * @throws ApiError as the action does
   * @throws Error when its task fails
   */
  async do(name: string, parameters: Readonly<Record<string, unknown>>): Promise<Answer> {
    const engine = this.#engine;
    const action = this.#actions.get(name);
    if (action === undefined) throw new Error(`There is no action ${name}.`);
    const run = action.prepare(parameters, { coerceStrings: false });
    const ids = loadBalancersOf(parameters);
    await this.#unlocked(ids);
    const requestId = randomUUID();
    const answer = await run(engine, {
      requestId,
      region: this.#region,
      secretId: 'console',
      effects: new Effects([]),
    });
    const task = engine.tasks.find(requestId);
    while (task?.status === 2) await this.#look();
    if (task?.status === 1) throw new Error(task.message ?? `${name} failed.`);
    await this.#unlocked([...ids, ...(task?.loadBalancerIds ?? [])]);
    return answer;
  }

  async #unlocked(ids: readonly string[]): Promise<void> {
    while (ids.some((id) => this.#engine.locks.isTaken(id))) await this.#look();
  }

  #look(): Promise<void> {
    const { clock } = this.#engine;
    return clock.sleep(lookMs * clock.speed);
  }
}
