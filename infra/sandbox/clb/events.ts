import type { CallRecord } from './calls.ts';
import type { HealthStatus } from './model.ts';

/** Which target of which pool. */
export interface TargetPlace {
  readonly loadBalancerId: string;
  readonly listenerId: string;
  /** Of a rule; a layer-4 listener has none that anybody knows. */
  readonly locationId?: string;
  readonly ip: string;
  readonly port: number;
}

export interface ClbEvents {
  /** A call was answered (or dropped). */
  call: CallRecord;
  health: TargetPlace & { readonly from: HealthStatus; readonly to: HealthStatus };
  target: TargetPlace & {
    readonly change: 'registered' | 'deregistered' | 'weight';
    readonly weight: number;
  };
  listener: {
    readonly loadBalancerId: string;
    readonly listenerId: string;
    readonly change: 'created' | 'modified' | 'deleted';
  };
  /** A rule of a layer-7 listener. */
  rule: {
    readonly loadBalancerId: string;
    readonly listenerId: string;
    readonly locationId: string;
    readonly domain: string;
    readonly url: string;
    readonly change: 'created' | 'modified' | 'deleted';
  };
  loadBalancer: {
    readonly loadBalancerId: string;
    readonly change: 'creating' | 'running' | 'modified' | 'deleted';
  };
  /** A client's connection that no target took. */
  refused: {
    readonly loadBalancerId: string;
    readonly listenerId: string;
    readonly client: string;
    readonly reason: string;
  };
  /** Something that a person should see. */
  warning: string;
}

export type ClbEventName = keyof ClbEvents;

/** Typed events; a listener that throws breaks nobody else's. */
export class Events {
  readonly #listeners = new Map<string, Set<(value: never) => void>>();

  /** @returns takes the listener away again */
  on<K extends ClbEventName>(name: K, listener: (value: ClbEvents[K]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  emit<K extends ClbEventName>(name: K, value: ClbEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(value as never);
      } catch (error) {
        process.emitWarning(`A listener of the CLB simulator's '${name}' failed: ${String(error)}`);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
