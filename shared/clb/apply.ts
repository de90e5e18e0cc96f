import type { Hold } from '../model/hold.ts';
import { listenerOwner } from '../model/names.ts';
import type { ObservedLoadBalancer } from '../model/observed.ts';
import type { ListenerToCreate, Step, TargetWrite } from '../model/plan-types.ts';
import { chunk, chunkWeights, groupBy } from './chunk.ts';
import type { Action } from './clb-api.ts';
import type { Applied, ClbFailure } from './clb-port.ts';
import { ClbError } from './clb-port.ts';
import { deregistered, modified, registered, weighted, withListeners, withoutListeners } from './effects.ts';
import { defaultBatchTargets, limits } from './limits.ts';
import { settingsToApi } from './listener-settings.ts';
import { observedListener, readListeners, readTargetsOf } from './observe.ts';
import type { ClbOptions } from './paced.ts';
import type { Newer } from './writer.ts';
import { Superseded, Writer } from './writer.ts';

interface PortRef {
  readonly protocol: string;
  readonly port: number;
}

/** Listeners that a step failed for, with the reason; what is not named was applied (law L12). */
export interface FailedPart {
  readonly failure: ClbFailure;
  readonly listeners: readonly PortRef[];
}

/** A step ended early, or parts of it failed. */
export class ApplyError extends ClbError {
  /** What the load balancer has become by the calls that succeeded. */
  readonly observed: ObservedLoadBalancer;
  /** Told by the hold meanwhile; it tells it once. */
  readonly newer: Newer | undefined;
  readonly failed: readonly FailedPart[];

  constructor(
    cause: ClbError,
    observed: ObservedLoadBalancer,
    newer: Newer | undefined,
    failed: readonly FailedPart[],
  ) {
    super(cause.action, cause.failure, cause.requestId);
    this.name = 'ApplyError';
    this.observed = observed;
    this.newer = newer;
    this.failed = failed;
  }
}

/** The failure of something named in a call (too many of it, gone, not allowed), not of the call as such. */
const isAboutElements = (failure: ClbFailure): boolean =>
  failure.kind === 'quota' ||
  (failure.kind === 'not-found' && failure.what !== 'load-balancer') ||
  (failure.kind === 'refused' && failure.code.startsWith('InvalidParameter'));

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

const listenerIdOf = (target: TargetWrite): string => target.listenerId;

const portOf = (target: TargetWrite): PortRef => ({ protocol: target.protocol, port: target.listenerPort });

class Application {
  readonly #options: ClbOptions;
  readonly #writer: Writer;
  readonly #lane: Step['lane'];
  readonly failed: { readonly error: ClbError; readonly part: FailedPart }[] = [];
  observed: ObservedLoadBalancer;

  constructor(options: ClbOptions, writer: Writer, lane: Step['lane'], observed: ObservedLoadBalancer) {
    this.#options = options;
    this.#writer = writer;
    this.#lane = lane;
    this.observed = observed;
  }

  async run(step: Step): Promise<void> {
    const batch = Math.min(this.#options.batchTargets ?? defaultBatchTargets, limits.batchTargets);
    switch (step.do) {
      case 'register':
        for (const part of chunk(step.targets, batch)) {
          await this.#isolate(part, listenerIdOf, portOf, (some) => this.#register(some));
        }
        return;
      case 'deregister':
        for (const part of chunk(step.targets, batch)) {
          await this.#isolate(part, listenerIdOf, portOf, (some) =>
            this.#onlyBound(some, (bound) => this.#deregister(bound)),
          );
        }
        return;
      case 'set-weights':
        for (const call of chunkWeights(step.targets)) {
          const part = call.flatMap((entry) => entry.targets);
          await this.#isolate(part, listenerIdOf, portOf, (some) =>
            this.#onlyBound(some, (bound) => this.#setWeights(bound)),
          );
        }
        return;
      case 'create-listeners':
        for (const group of groupBy(step.listeners, (one) =>
          JSON.stringify([one.protocol, settingsToApi(one.settings)]),
        )) {
          for (const part of chunk(group, limits.createListenerPorts)) {
            const port = (one: ListenerToCreate): PortRef => ({ protocol: one.protocol, port: one.port });
            await this.#isolate(
              part,
              (one) => String(one.port),
              port,
              (some) => this.#createListeners(some),
            );
          }
        }
        return;
      case 'modify-listener':
        return this.#modifyListener(step);
      case 'delete-listeners':
        for (const ids of chunk(unique(step.listenerIds), limits.deleteListeners)) {
          await this.#deleteListeners(ids);
        }
        return;
    }
  }

  /**
   * Sends all in one call; if that fails for something in it, halves it until what fails stands alone (law L12):
   * the CLB refuses a whole call for one listener that is full or gone.
   */
  async #isolate<T>(
    items: readonly T[],
    keyOf: (item: T) => string,
    port: (item: T) => PortRef,
    send: (items: readonly T[]) => Promise<void>,
  ): Promise<void> {
    try {
      await send(items);
    } catch (error) {
      if (!(error instanceof ClbError) || !isAboutElements(error.failure)) throw error;
      const groups = groupBy(items, keyOf);
      if (groups.length < 2) {
        this.#fail(error, items.slice(0, 1).map(port));
        return;
      }
      const middle = Math.ceil(groups.length / 2);
      await this.#isolate(groups.slice(0, middle).flat(), keyOf, port, send);
      await this.#isolate(groups.slice(middle).flat(), keyOf, port, send);
    }
  }

  #fail(error: ClbError, listeners: readonly PortRef[]): void {
    this.failed.push({ error, part: { failure: error.failure, listeners } });
  }

  /**
   * A target that is not bound any more makes the CLB refuse the call (how is not documented). Then what is bound is
   * read, and the call goes on with it.
   */
  async #onlyBound(
    targets: readonly TargetWrite[],
    send: (targets: readonly TargetWrite[]) => Promise<void>,
  ): Promise<void> {
    try {
      await send(targets);
    } catch (error) {
      if (!(error instanceof ClbError) || !isAboutElements(error.failure)) throw error;
      const { loadBalancerId } = this.observed;
      const ids = unique(targets.map(listenerIdOf));
      const found = await readTargetsOf(this.#options, this.#lane, loadBalancerId, ids);
      const isBound = (one: TargetWrite): boolean =>
        found.get(one.listenerId)?.some((target) => target.ip === one.ip && target.port === one.port) ??
        false;
      const bound = targets.filter(isBound);
      if (bound.length === targets.length) throw error;
      this.observed = deregistered(
        this.observed,
        targets.filter((target) => !isBound(target)),
      );
      if (bound.length > 0) await this.#onlyBound(bound, send);
    }
  }

  /** Splits the targets of a synchronous batch call by its answer; true: the target was written. */
  #settle(
    action: Action,
    targets: readonly TargetWrite[],
    answer: {
      readonly failedListenerIds: readonly string[];
      readonly message: string;
      readonly requestId: string;
    },
  ): readonly TargetWrite[] {
    const { failedListenerIds: listenerIds, message, requestId } = answer;
    if (listenerIds.length === 0) return targets;
    const error = new ClbError(action, { kind: 'partial', listenerIds, message }, requestId);
    const failed = groupBy(
      targets.filter((target) => listenerIds.includes(target.listenerId)),
      listenerIdOf,
    );
    this.#fail(
      error,
      failed.flatMap((group) => group.slice(0, 1).map(portOf)),
    );
    return targets.filter((target) => !listenerIds.includes(target.listenerId));
  }

  async #register(targets: readonly TargetWrite[]): Promise<void> {
    const action = 'BatchRegisterTargets';
    const answer = await this.#writer.write(action, {
      LoadBalancerId: this.observed.loadBalancerId,
      Targets: targets.map((one) => ({
        ListenerId: one.listenerId,
        EniIp: one.ip,
        Port: one.port,
        Weight: one.weight,
      })),
    });
    this.observed = registered(this.observed, this.#settle(action, targets, answer));
  }

  async #deregister(targets: readonly TargetWrite[]): Promise<void> {
    const action = 'BatchDeregisterTargets';
    const answer = await this.#writer.write(action, {
      LoadBalancerId: this.observed.loadBalancerId,
      Targets: targets.map((one) => ({ ListenerId: one.listenerId, EniIp: one.ip, Port: one.port })),
    });
    this.observed = deregistered(this.observed, this.#settle(action, targets, answer));
  }

  async #setWeights(targets: readonly TargetWrite[]): Promise<void> {
    for (const call of chunkWeights(targets)) {
      const answer = await this.#writer.write('BatchModifyTargetWeight', {
        LoadBalancerId: this.observed.loadBalancerId,
        ModifyList: call.map((entry) => ({
          ListenerId: entry.listenerId,
          Targets: entry.targets.map((one) => ({ EniIp: one.ip, Port: one.port, Weight: one.weight })),
        })),
      });
      await this.#writer.finish('BatchModifyTargetWeight', answer.requestId);
      this.observed = weighted(
        this.observed,
        call.flatMap((entry) => entry.targets),
      );
    }
  }

  async #createListeners(wanted: readonly ListenerToCreate[]): Promise<void> {
    const [first] = wanted;
    if (first === undefined) return;
    const answer = await this.#writer.write('CreateListener', {
      LoadBalancerId: this.observed.loadBalancerId,
      Protocol: first.protocol,
      Ports: wanted.map((one) => one.port),
      ListenerNames: wanted.map((one) => one.name),
      ...settingsToApi(first.settings),
    });
    // The ids come in the order of the ports.
    if (answer.listenerIds.length !== wanted.length) {
      const message = `${answer.listenerIds.length} ids for ${wanted.length} listeners`;
      throw new ClbError('CreateListener', { kind: 'unknown-outcome', message }, answer.requestId);
    }
    await this.#writer.finish('CreateListener', answer.requestId);
    const made = answer.listenerIds.flatMap((listenerId, at) => {
      const one = wanted[at];
      return one === undefined ? [] : [observedListener(this.#options.clusterId, { ...one, listenerId }, [])];
    });
    this.observed = withListeners(this.observed, made);
  }

  async #modifyListener(step: Extract<Step, { do: 'modify-listener' }>): Promise<void> {
    const { listenerId, name, settings } = step;
    const answer = await this.#writer.write('ModifyListener', {
      LoadBalancerId: this.observed.loadBalancerId,
      ListenerId: listenerId,
      ListenerName: name,
      ...settingsToApi(settings),
    });
    await this.#writer.finish('ModifyListener', answer.requestId);
    const ownerUid = listenerOwner(this.#options.clusterId, name);
    this.observed = modified(this.observed, listenerId, {
      name,
      settings,
      ours: ownerUid !== undefined,
      ...(ownerUid === undefined ? {} : { ownerUid }),
    });
  }

  /** All or nothing on the CLB's side: if some are gone already, the others are deleted in a second call. */
  async #deleteListeners(listenerIds: readonly string[]): Promise<void> {
    // No ids would mean all of them, ours or not (law L8).
    if (listenerIds.length === 0) return;
    const { loadBalancerId } = this.observed;
    try {
      const answer = await this.#writer.write('DeleteLoadBalancerListeners', {
        LoadBalancerId: loadBalancerId,
        ListenerIds: [...listenerIds],
      });
      await this.#writer.finish('DeleteLoadBalancerListeners', answer.requestId);
    } catch (error) {
      if (!(error instanceof ClbError) || !isAboutElements(error.failure)) throw error;
      const found = await readListeners(this.#options, this.#lane, loadBalancerId);
      const left = listenerIds.filter((id) => found.some((listener) => listener.listenerId === id));
      if (left.length === listenerIds.length) throw error;
      await this.#deleteListeners(left);
    }
    this.observed = withoutListeners(this.observed, listenerIds);
  }
}

/**
 * Carries out one step. What fails for one listener alone is set apart and the rest goes on (law L12); everything
 * that failed is thrown at the end, as one ApplyError with the effect of what did not. A failure that is not about
 * one element (busy, throttled, an unknown outcome, a lost hold) ends the step at once, as an ApplyError too.
 */
export const apply = async (
  options: ClbOptions,
  step: Step,
  observed: ObservedLoadBalancer,
  hold: Hold,
): Promise<Applied> => {
  const writer = new Writer(options, hold, step.lane, true);
  const application = new Application(options, writer, step.lane, observed);
  const failWith = (error: ClbError): ApplyError =>
    new ApplyError(
      error,
      application.observed,
      writer.newer,
      application.failed.map(({ part }) => part),
    );
  try {
    await application.run(step);
  } catch (error) {
    if (error instanceof ClbError) throw failWith(error);
    if (!(error instanceof Superseded)) throw error;
  }
  // What can be tried again soon decides when it is; the next pass finds the rest once more.
  const failure =
    application.failed.find(({ error }) => error.failure.kind === 'partial') ?? application.failed[0];
  if (failure !== undefined) throw failWith(failure.error);
  return { observed: application.observed, ...(writer.newer === undefined ? {} : { newer: writer.newer }) };
};
