import type { BatchTarget } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.js';
import type { Hold } from '../model/hold.ts';
import { listenerOwner } from '../model/names.ts';
import type { ObservedLoadBalancer } from '../model/observed.ts';
import type { ListenerToCreate, Step, TargetWrite } from '../model/plan-types.ts';
import { chunk, chunkWeights, groupBy } from './chunk.ts';
import type { Action, Requests } from './clb-api.ts';
import type { Applied } from './clb-port.ts';
import { ApplyError, ClbError } from './clb-port.ts';
import { deregistered, modified, registered, weighted, withListeners, withoutListeners } from './effects.ts';
import { defaultBatchTargets, limits } from './limits.ts';
import { settingsToApi } from './listener-settings.ts';
import { observedListener, readListeners, readTargetsOf } from './observe.ts';
import type { ClbOptions } from './paced.ts';
import { Superseded, Writer } from './writer.ts';

/** The CLB refused something that a call named; it may just not exist any more. */
const mayBeStale = (error: unknown): boolean =>
  error instanceof ClbError &&
  ((error.failure.kind === 'not-found' && error.failure.what !== 'load-balancer') ||
    (error.failure.kind === 'refused' && error.failure.code.startsWith('InvalidParameter')));

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

/** One step under way. */
class Application {
  observed: ObservedLoadBalancer;
  rest: Step;
  readonly #options: ClbOptions;
  readonly #writer: Writer;
  /** Listeners that synchronous batches failed for; the others of the same call were written. */
  #partial: ClbError | undefined;

  constructor(options: ClbOptions, writer: Writer, step: Step, observed: ObservedLoadBalancer) {
    this.#options = options;
    this.#writer = writer;
    this.rest = step;
    this.observed = observed;
  }

  async run(): Promise<void> {
    const step = this.rest;
    const batch = Math.min(this.#options.batchTargets ?? defaultBatchTargets, limits.batchTargets);
    switch (step.do) {
      case 'register':
      case 'deregister':
      case 'set-weights': {
        const rows =
          step.do === 'set-weights'
            ? chunkWeights(step.targets).map((call) => call.flatMap((entry) => entry.targets))
            : chunk(step.targets, batch);
        const send = (targets: readonly TargetWrite[]) =>
          step.do === 'register'
            ? this.#register(targets)
            : this.#whileBound(targets, (bound) =>
                step.do === 'deregister' ? this.#deregister(bound) : this.#setWeights(bound),
              );
        return this.#inRows(rows, send, (targets) => ({ ...step, targets }));
      }
      case 'create-listeners': {
        const alike = (one: ListenerToCreate) => JSON.stringify([one.protocol, settingsToApi(one.settings)]);
        const rows = groupBy(step.listeners, alike).flatMap((group) =>
          chunk(group, limits.createListenerPorts),
        );
        return this.#inRows(
          rows,
          (listeners) => this.#createListeners(listeners),
          (listeners) => ({ ...step, listeners }),
        );
      }
      case 'modify-listener':
        return this.#modifyListener(step);
      case 'delete-listeners':
        return this.#inRows(
          chunk(unique(step.listenerIds), limits.deleteListeners),
          (ids) => this.#deleteListeners(ids),
          (listenerIds) => ({ ...step, listenerIds }),
        );
    }
  }

  /** One call after the other; `send` gives what of its row was not applied. */
  async #inRows<T>(
    rows: readonly (readonly T[])[],
    send: (row: readonly T[]) => Promise<readonly T[]>,
    stepOf: (items: readonly T[]) => Step,
  ): Promise<void> {
    const failed: T[] = [];
    for (const [at, row] of rows.entries()) {
      failed.push(...(await send(row)));
      this.rest = stepOf([...failed, ...rows.slice(at + 1).flat()]);
    }
    if (this.#partial !== undefined) throw this.#partial;
  }

  /**
   * A target that is not bound any more makes the CLB refuse the whole call (how is not documented). Then what is
   * bound is read, and the call goes on with it.
   */
  async #whileBound(
    targets: readonly TargetWrite[],
    send: (targets: readonly TargetWrite[]) => Promise<readonly TargetWrite[]>,
  ): Promise<readonly TargetWrite[]> {
    try {
      return await send(targets);
    } catch (error) {
      if (!mayBeStale(error)) throw error;
      const ids = unique(targets.map((target) => target.listenerId));
      const { loadBalancerId } = this.observed;
      const found = await readTargetsOf(this.#options, this.rest.lane, loadBalancerId, ids);
      const isBound = (one: TargetWrite): boolean =>
        found.get(one.listenerId)?.some((target) => target.ip === one.ip && target.port === one.port) ??
        false;
      const bound = targets.filter(isBound);
      if (bound.length === targets.length) throw error;
      this.observed = deregistered(
        this.observed,
        targets.filter((target) => !isBound(target)),
      );
      return bound.length === 0 ? [] : await this.#whileBound(bound, send);
    }
  }

  /** A synchronous batch; gives the targets of the listeners that it failed for. */
  async #batch(
    action: 'BatchRegisterTargets' | 'BatchDeregisterTargets',
    targets: readonly TargetWrite[],
    Targets: BatchTarget[],
    effect: (observed: ObservedLoadBalancer, written: readonly TargetWrite[]) => ObservedLoadBalancer,
  ): Promise<readonly TargetWrite[]> {
    const request = { LoadBalancerId: this.observed.loadBalancerId, Targets };
    const { failedListenerIds, message, requestId } = await this.#writer.write(action, request);
    const hasFailed = (target: TargetWrite): boolean => failedListenerIds.includes(target.listenerId);
    this.observed = effect(
      this.observed,
      targets.filter((target) => !hasFailed(target)),
    );
    if (failedListenerIds.length > 0) {
      const before = this.#partial?.failure;
      const earlier = before?.kind === 'partial' ? before.listenerIds : [];
      const listenerIds = unique([...earlier, ...failedListenerIds]);
      this.#partial = new ClbError(action, { kind: 'partial', listenerIds, message }, requestId);
    }
    return targets.filter(hasFailed);
  }

  #register(targets: readonly TargetWrite[]): Promise<readonly TargetWrite[]> {
    const asked = targets.map((one) => ({
      ListenerId: one.listenerId,
      EniIp: one.ip,
      Port: one.port,
      Weight: one.weight,
    }));
    return this.#batch('BatchRegisterTargets', targets, asked, registered);
  }

  #deregister(targets: readonly TargetWrite[]): Promise<readonly TargetWrite[]> {
    const asked = targets.map((one) => ({ ListenerId: one.listenerId, EniIp: one.ip, Port: one.port }));
    return this.#batch('BatchDeregisterTargets', targets, asked, deregistered);
  }

  async #setWeights(targets: readonly TargetWrite[]): Promise<readonly TargetWrite[]> {
    await this.#task('BatchModifyTargetWeight', {
      LoadBalancerId: this.observed.loadBalancerId,
      ModifyList: chunkWeights(targets)
        .flat()
        .map((entry) => ({
          ListenerId: entry.listenerId,
          Targets: entry.targets.map(({ ip, port, weight }) => ({ EniIp: ip, Port: port, Weight: weight })),
        })),
    });
    this.observed = weighted(this.observed, targets);
    return [];
  }

  async #createListeners(wanted: readonly ListenerToCreate[]): Promise<readonly ListenerToCreate[]> {
    const [first] = wanted;
    if (first === undefined) return [];
    const { listenerIds, requestId } = await this.#writer.write('CreateListener', {
      LoadBalancerId: this.observed.loadBalancerId,
      Protocol: first.protocol,
      Ports: wanted.map(({ port }) => port),
      ListenerNames: wanted.map(({ name }) => name),
      ...settingsToApi(first.settings),
    });
    await this.#writer.finish('CreateListener', requestId);
    // The ids come in the order of the ports.
    if (listenerIds.length !== wanted.length) {
      const message = `${listenerIds.length} ids for ${wanted.length} listeners`;
      throw new ClbError('CreateListener', { kind: 'unknown-outcome', message }, requestId);
    }
    const made = wanted.map((one, at) => ({ ...one, listenerId: listenerIds[at] ?? '' }));
    this.observed = withListeners(
      this.observed,
      made.map((one) => observedListener(this.#options.clusterId, one, [])),
    );
    return [];
  }

  async #modifyListener(step: Extract<Step, { do: 'modify-listener' }>): Promise<void> {
    const { listenerId, name, settings } = step;
    await this.#task('ModifyListener', {
      LoadBalancerId: this.observed.loadBalancerId,
      ListenerId: listenerId,
      ListenerName: name,
      ...settingsToApi(settings),
    });
    const ownerUid = listenerOwner(this.#options.clusterId, name);
    this.observed = modified(this.observed, listenerId, {
      name,
      settings,
      ours: ownerUid !== undefined,
      ...(ownerUid === undefined ? {} : { ownerUid }),
    });
  }

  /** All or nothing on the CLB's side: if some are gone already, the others are deleted in another call. */
  async #deleteListeners(listenerIds: readonly string[]): Promise<readonly string[]> {
    // No ids would mean all of them, ours or not (law L8).
    if (listenerIds.length === 0) return [];
    const { loadBalancerId } = this.observed;
    try {
      await this.#task('DeleteLoadBalancerListeners', {
        LoadBalancerId: loadBalancerId,
        ListenerIds: [...listenerIds],
      });
    } catch (error) {
      if (!mayBeStale(error)) throw error;
      const found = await readListeners(this.#options, this.rest.lane, loadBalancerId);
      const left = listenerIds.filter((id) => found.some((listener) => listener.listenerId === id));
      if (left.length === listenerIds.length) throw error;
      await this.#deleteListeners(left);
    }
    this.observed = withoutListeners(this.observed, listenerIds);
    return [];
  }

  async #task<A extends Action>(action: A, request: Requests[A]): Promise<void> {
    const { requestId } = await this.#writer.write(action, request);
    await this.#writer.finish(action, requestId);
  }
}

/**
 * Carries out one step. Throws ApplyError with what was applied and what was not: at once when a call fails, but
 * when only some listeners of a batch failed (`partial`) after the other calls of the step.
 */
export const apply = async (
  options: ClbOptions,
  step: Step,
  observed: ObservedLoadBalancer,
  hold: Hold,
): Promise<Applied> => {
  const writer = new Writer(options, hold, step.lane, true);
  const application = new Application(options, writer, step, observed);
  try {
    await application.run();
  } catch (error) {
    if (error instanceof ClbError) {
      throw new ApplyError(error, application.observed, application.rest, writer.newer);
    }
    if (!(error instanceof Superseded)) throw error;
  }
  return { observed: application.observed, ...(writer.newer === undefined ? {} : { newer: writer.newer }) };
};
