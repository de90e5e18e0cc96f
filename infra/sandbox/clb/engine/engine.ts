import type { Addresses } from '../../addresses.ts';
import { ApiError } from '../api-error.ts';
import type { Certificates } from '../certificates.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Effects } from '../faults.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import type { Runtime } from '../runtime.ts';
import { type ClbSettings, type DurationRange, draw } from '../settings.ts';
import type { Store } from '../store.ts';
import { Locks } from './locks.ts';
import { type Task, Tasks } from './tasks.ts';

/** What an action knows about the call it answers. */
export interface CallContext {
  readonly requestId: string;
  readonly region: string;
  readonly secretId: string;
  readonly effects: Effects;
}

/** The fixed parts of one simulated account. */
export interface EngineParts {
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly store: Store;
  readonly certificates: Certificates;
  readonly runtime: Runtime;
  readonly addresses: Addresses;
  readonly vpcId: string;
  readonly vpcCidr: string;
  /** CVM instances that targets and InstanceId may name, with their address. */
  readonly instances: ReadonlyMap<string, string>;
  readonly random: () => number;
}

export interface Write {
  readonly taskName: string;
  readonly durationMs: DurationRange;
  /** Changes the state when the task completes; throwing fails the task. */
  readonly apply: () => void | Promise<void>;
  /** Takes back what was visible before the task completed. */
  readonly failed?: () => void;
}

/**
 * How writes happen: the lock of the load balancer is taken when a call is accepted; an asynchronous write
 * shows its effect when its task completes; the lock is given back after that, and after its tail.
 */
export class Engine {
  readonly tasks = new Tasks();
  readonly locks = new Locks();
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly store: Store;
  readonly certificates: Certificates;
  readonly runtime: Runtime;
  readonly addresses: Addresses;
  readonly vpcId: string;
  readonly vpcCidr: string;
  readonly instances: ReadonlyMap<string, string>;
  readonly #random: () => number;

  constructor(parts: EngineParts) {
    this.settings = parts.settings;
    this.clock = parts.clock;
    this.events = parts.events;
    this.store = parts.store;
    this.certificates = parts.certificates;
    this.runtime = parts.runtime;
    this.addresses = parts.addresses;
    this.vpcId = parts.vpcId;
    this.vpcCidr = parts.vpcCidr;
    this.instances = parts.instances;
    this.#random = parts.random;
  }

  draw(range: DurationRange): number {
    return draw(range, this.#random());
  }

  /**
   * The load balancer of a write: it exists, runs, is not isolated and not locked.
   *
   * @throws ApiError InvalidParameter.LBIdNotFound, FailedOperation, FailedOperation.ResourceInOperating
   */
  writable(id: string, region: string): LoadBalancer {
    const loadBalancer = this.store.get(id, region);
    if (loadBalancer.status !== 1) {
      throw new ApiError(this.settings.invalidStatusCode, `The status of ${id} is not normal.`);
    }
    if (loadBalancer.isolatedAt !== undefined) {
      const { isolatedCode, unseenTexts } = this.settings;
      throw new ApiError(isolatedCode, unseenTexts === 'empty' ? '' : `${id} is isolated.`);
    }
    this.locks.check(id);
    return loadBalancer;
  }

  /** Accepts an asynchronous write of load balancers that were found {@link writable}. */
  begin(loadBalancerIds: readonly string[], context: CallContext, write: Write): Task {
    for (const id of loadBalancerIds) this.locks.take(id, write.taskName);
    const task = this.tasks.begin(context, 2, loadBalancerIds);
    this.clock.after(this.draw(write.durationMs), () => {
      void this.#complete(task, context, write).finally(() => {
        const tailMs = this.settings.taskLockTailMs + (context.effects.find('lock-tail')?.ms ?? 0);
        for (const id of loadBalancerIds) this.#releaseAfter(id, tailMs);
      });
    });
    return task;
  }

  async #complete(task: Task, { effects }: CallContext, write: Write): Promise<void> {
    const injected = effects.find('task-fails');
    try {
      if (injected !== undefined) throw new Error(injected.message ?? `${write.taskName} failed.`);
      if (effects.has('no-effect')) write.failed?.();
      else await write.apply();
      task.status = 0;
    } catch (error) {
      write.failed?.();
      task.status = 1;
      task.message = error instanceof Error ? error.message : String(error);
      if (injected === undefined) this.events.emit('warning', `${write.taskName} failed: ${task.message}`);
    }
    task.endedMs = this.clock.nowMs();
  }

  /** A synchronous batch: locked while it runs, applied at its end, locked a while longer after the answer. */
  async batch(
    loadBalancer: LoadBalancer,
    targetCount: number,
    context: CallContext,
    taskName: string,
    apply: () => void,
  ): Promise<void> {
    const { batchBaseMs, batchPerTargetMs, batchLockTailMs } = this.settings;
    this.locks.take(loadBalancer.id, taskName);
    try {
      await this.clock.sleep(batchBaseMs + batchPerTargetMs * targetCount);
      if (!context.effects.has('no-effect')) apply();
      this.tasks.begin(context, 0, [loadBalancer.id]).endedMs = this.clock.nowMs();
    } finally {
      const tailMs = draw(batchLockTailMs, Math.min(1, targetCount / 500));
      this.#releaseAfter(loadBalancer.id, tailMs + (context.effects.find('lock-tail')?.ms ?? 0));
    }
  }

  /** A synchronous write of load balancers that were found {@link writable}: it is done when it is answered. */
  atOnce(loadBalancerIds: readonly string[], context: CallContext, apply: () => void): void {
    if (!context.effects.has('no-effect')) apply();
    this.tasks.begin(context, 0, loadBalancerIds).endedMs = this.clock.nowMs();
  }

  #releaseAfter(loadBalancerId: string, simulatedMs: number): void {
    if (simulatedMs === 0) this.locks.release(loadBalancerId);
    else this.clock.after(simulatedMs, () => this.locks.release(loadBalancerId));
  }
}
