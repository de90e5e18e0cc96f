import type { BatchTarget } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.js';
import { isAt, type Spot } from '../model/bound-places.ts';
import type { Hold } from '../model/hold.ts';
import { listenerOwner } from '../model/names.ts';
import type { ObservedLoadBalancer } from '../model/observed.ts';
import type { ListenerToCreate, RuleToCreate, Step, TargetWrite } from '../model/plan-types.ts';
import type { BoundTargets } from './answers.ts';
import { chunk, chunkWeights, groupBy } from './chunk.ts';
import type { Action, Requests } from './clb-api.ts';
import type { Applied } from './clb-port.ts';
import { ApplyError, ClbError } from './clb-port.ts';
import {
  deregistered,
  modified,
  registered,
  ruleModified,
  weighted,
  withListeners,
  withoutListeners,
  withoutRules,
  withRules,
} from './effects.ts';
import { explained } from './isolated.ts';
import { defaultBatchTargets, limits } from './limits.ts';
import { ruleSettingsToApi, settingsToApi } from './listener-settings.ts';
import { observedListener, readListeners, readTargetsOf } from './observe.ts';
import type { ClbOptions } from './paced.ts';
import { Superseded, Writer } from './writer.ts';

/** The CLB refused something that a call named; it may just not exist any more. */
const mayBeStale = (error: unknown): boolean =>
  error instanceof ClbError &&
  ((error.failure.kind === 'not-found' && error.failure.what !== 'load-balancer') ||
    (error.failure.kind === 'refused' && error.failure.code.startsWith('InvalidParameter')));

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)];

const boundAt = (bound: BoundTargets | undefined, locationId: string | undefined): BoundTargets['targets'] =>
  (locationId === undefined ? bound : bound?.rules?.find((rule) => rule.locationId === locationId))
    ?.targets ?? [];

/** How the API names a target. */
const asTarget = ({ ip, port, instanceId }: TargetWrite) => ({
  ...(instanceId === undefined ? { EniIp: ip } : { InstanceId: instanceId }),
  Port: port,
});

const asSpot = ({ listenerId, locationId }: Spot) => ({
  ListenerId: listenerId,
  ...(locationId === undefined ? {} : { LocationId: locationId }),
});

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
      case 'create-rules':
        return this.#inRows(
          chunk(step.rules, limits.rules),
          (rules) => this.#createRules(step.listenerId, rules),
          (rules) => ({ ...step, rules }),
        );
      case 'modify-rule':
        return this.#modifyRule(step);
      case 'delete-rules':
        return this.#inRows(
          chunk(unique(step.locationIds), limits.rules),
          (ids) => this.#deleteRules(step.listenerId, ids),
          (locationIds) => ({ ...step, locationIds }),
        );
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
        boundAt(found.get(one.listenerId), one.locationId).some((target) => isAt(target, one));
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
    const asked = targets.map((one) => ({ ...asSpot(one), ...asTarget(one), Weight: one.weight }));
    return this.#batch('BatchRegisterTargets', targets, asked, registered);
  }

  #deregister(targets: readonly TargetWrite[]): Promise<readonly TargetWrite[]> {
    const asked = targets.map((one) => ({ ...asSpot(one), ...asTarget(one) }));
    return this.#batch('BatchDeregisterTargets', targets, asked, deregistered);
  }

  async #setWeights(targets: readonly TargetWrite[]): Promise<readonly TargetWrite[]> {
    await this.#task('BatchModifyTargetWeight', {
      LoadBalancerId: this.observed.loadBalancerId,
      ModifyList: chunkWeights(targets)
        .flat()
        .map((entry) => ({
          ...asSpot(entry),
          Targets: entry.targets.map((one) => ({ ...asTarget(one), Weight: one.weight })),
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
      // In layer 7 the rules have the settings.
      ...(first.protocol === 'HTTP' ? {} : settingsToApi(first.settings)),
    });
    await this.#writer.finish('CreateListener', requestId);
    // The ids come in the order of the ports.
    if (listenerIds.length !== wanted.length) {
      const message = `${listenerIds.length} ids for ${wanted.length} listeners`;
      throw new ClbError('CreateListener', { kind: 'unknown-outcome', message }, requestId);
    }
    const made = wanted.map((one, at) => ({
      ...one,
      listenerId: listenerIds[at] ?? '',
      ...(one.protocol === 'HTTP' ? { rules: [] } : {}),
    }));
    const { addresses } = this.observed;
    this.observed = withListeners(
      this.observed,
      made.map((one) => observedListener(this.#options.clusterId, one, undefined, addresses)),
    );
    return [];
  }

  async #modifyListener(step: Extract<Step, { do: 'modify-listener' }>): Promise<void> {
    const { listenerId, name, settings } = step;
    const isLayer7 =
      this.observed.listeners.find((one) => one.listenerId === listenerId)?.rules !== undefined;
    await this.#task('ModifyListener', {
      LoadBalancerId: this.observed.loadBalancerId,
      ListenerId: listenerId,
      ListenerName: name,
      ...(isLayer7 ? {} : settingsToApi(settings)),
    });
    const ownerUid = listenerOwner(this.#options.clusterId, name);
    this.observed = modified(this.observed, listenerId, {
      name,
      settings,
      ours: ownerUid !== undefined,
      ...(ownerUid === undefined ? {} : { ownerUid }),
    });
  }

  async #createRules(listenerId: string, wanted: readonly RuleToCreate[]): Promise<readonly RuleToCreate[]> {
    const { loadBalancerId, addresses } = this.observed;
    const own = addresses[0]?.value;
    const { locationIds, requestId } = await this.#writer.write('CreateRule', {
      LoadBalancerId: loadBalancerId,
      ListenerId: listenerId,
      Rules: wanted.map(({ domain, url, settings }) => ({
        ...(domain === '' && own !== undefined ? { Domain: own, DefaultServer: true } : { Domain: domain }),
        Url: url,
        ...ruleSettingsToApi(settings, domain),
      })),
    });
    await this.#writer.finish('CreateRule', requestId);
    // The ids come in the order of the rules.
    if (locationIds.length !== wanted.length) {
      const message = `${locationIds.length} ids for ${wanted.length} rules`;
      throw new ClbError('CreateRule', { kind: 'unknown-outcome', message }, requestId);
    }
    const made = wanted.map(({ domain, url, settings }, at) => ({
      locationId: locationIds[at] ?? '',
      domain,
      url,
      settings,
      targets: [],
    }));
    this.observed = withRules(this.observed, listenerId, made);
    return [];
  }

  async #modifyRule({ listenerId, locationId, place, settings }: Extract<Step, { do: 'modify-rule' }>) {
    await this.#task('ModifyRule', {
      LoadBalancerId: this.observed.loadBalancerId,
      ListenerId: listenerId,
      LocationId: locationId,
      ...ruleSettingsToApi(settings, place.rule?.domain ?? ''),
    });
    this.observed = ruleModified(this.observed, listenerId, locationId, settings);
  }

  /** If some are gone already, the others are deleted in another call. */
  async #deleteRules(listenerId: string, locationIds: readonly string[]): Promise<readonly string[]> {
    // No ids must not be sent: what they would mean is not documented (law L8).
    if (locationIds.length === 0) return [];
    const { loadBalancerId } = this.observed;
    try {
      await this.#task('DeleteRule', {
        LoadBalancerId: loadBalancerId,
        ListenerId: listenerId,
        LocationIds: [...locationIds],
      });
    } catch (error) {
      if (!mayBeStale(error)) throw error;
      const found = await readListeners(this.#options, this.rest.lane, loadBalancerId);
      const rules = found.find((one) => one.listenerId === listenerId)?.rules ?? [];
      const left = locationIds.filter((id) => rules.some(({ locationId }) => locationId === id));
      if (left.length === locationIds.length) throw error;
      await this.#deleteRules(listenerId, left);
    }
    this.observed = withoutRules(this.observed, listenerId, locationIds);
    return [];
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
      const reason = await explained(options, step.lane, observed.loadBalancerId, error);
      throw new ApplyError(reason, application.observed, application.rest, writer.newer);
    }
    if (!(error instanceof Superseded)) throw error;
  }
  return { observed: application.observed, ...(writer.newer === undefined ? {} : { newer: writer.newer }) };
};
