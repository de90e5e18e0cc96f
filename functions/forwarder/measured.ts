import type { Clock } from '../../shared/model/clock.ts';
import type { Lane, LoadBalancerKey } from '../../shared/model/desired-state.ts';
import type { Metrics } from '../../shared/process/metrics.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import type { DueLoadBalancer, Store } from '../../shared/queue/store/store.ts';
import type { Functions } from '../platform/functions.ts';

/**
 * The forwarder's seams, counted as they are used: whoever uses them knows nothing of metrics. What they answer and
 * throw is passed on as it is.
 */

/** From the change of an object in a watch to the put that it leads to, if it leads to one. */
export interface ChangeTimes {
  /** A fact of the object changed. */
  changed(uid: string): void;
  /** The object is looked at: what changes from now on is the next put's. */
  begun(uid: string): void;
  /** It was put, or did not need to be. Not called: it is tried again. */
  settled(uid: string): void;
  /** Unix ms of the oldest change that is being looked at. */
  since(uid: string): number | undefined;
}

export const createChangeTimes = (clock: Clock): ChangeTimes => {
  const changed = new Map<string, number>();
  const begun = new Map<string, number>();
  return {
    changed: (uid) => {
      if (!changed.has(uid)) changed.set(uid, clock.now());
    },
    begun: (uid) => {
      const at = changed.get(uid);
      changed.delete(uid);
      if (at !== undefined && !begun.has(uid)) begun.set(uid, at);
    },
    settled: (uid) => void begun.delete(uid),
    since: (uid) => begun.get(uid),
  };
};

interface DueTime {
  readonly lane: Lane;
  /** Unix ms. */
  readonly since: number;
}

/** Load balancers that are due, and since when: by our own puts, and by what the store says. */
export class DueTimes {
  readonly #due = new Map<LoadBalancerKey, DueTime & { readonly notedAt: number }>();

  put(loadBalancerKey: LoadBalancerKey, lane: Lane, now: number): void {
    if (!this.#due.has(loadBalancerKey)) {
      this.#due.set(loadBalancerKey, { lane, since: now, notedAt: now });
    }
  }

  /** What the store says is so. `all`: it says everything; what is missing was taken, by others or by us. */
  told(due: readonly DueLoadBalancer[], askedAt: number, all: boolean): void {
    for (const { loadBalancerKey, lane, since } of due) {
      this.#due.set(loadBalancerKey, { lane, since, notedAt: askedAt });
    }
    if (!all) return;
    for (const [key, { notedAt }] of this.#due) if (notedAt < askedAt) this.#due.delete(key);
  }

  taken(loadBalancerKey: LoadBalancerKey): DueTime | undefined {
    const due = this.#due.get(loadBalancerKey);
    this.#due.delete(loadBalancerKey);
    return due;
  }

  clear(): void {
    this.#due.clear();
  }
}

export interface MeasuredDependencies {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly changes: ChangeTimes;
  readonly dueTimes: DueTimes;
}

export const measuredStore = (
  store: Store,
  { metrics, clock, changes, dueTimes }: MeasuredDependencies,
): Store => {
  let generation: string | undefined;
  const seen = (found: string): void => {
    if (generation !== undefined && generation !== found) {
      metrics.count('clb_direct_store_generations_total', {});
    }
    generation = found;
  };
  const measured: Pick<Store, 'takeOver' | 'generation' | 'put' | 'due'> = {
    takeOver: async () => {
      const start = await store.takeOver();
      metrics.count('clb_direct_take_overs_total', {});
      seen(start.generation);
      // What was due when we last led says nothing about now.
      dueTimes.clear();
      return start;
    },
    generation: async () => {
      const found = await store.generation();
      seen(found);
      return found;
    },
    put: async (event, lane) => {
      try {
        const answer = await store.put(event, lane);
        metrics.count('clb_direct_puts_total', { outcome: answer.outcome });
        seen(answer.generation);
        if (answer.outcome === 'kept') {
          const now = clock.now();
          const changedAt = changes.since(event.data.object.uid);
          if (changedAt !== undefined) {
            metrics.observe('clb_direct_change_to_put_seconds', {}, (now - changedAt) / 1_000);
          }
          dueTimes.put(event.data.loadBalancerKey, lane, now);
        }
        return answer;
      } catch (error) {
        metrics.count('clb_direct_puts_total', { outcome: 'failed' });
        throw error;
      }
    },
    due: async (limit) => {
      const askedAt = clock.now();
      const answer = await store.due(limit);
      dueTimes.told(answer.due, askedAt, answer.due.length < limit);
      return answer;
    },
  };
  // No copy: what the store answers is asked of it each time.
  return new Proxy(store, {
    get: (target, name) => Reflect.get(Object.hasOwn(measured, name) ? measured : target, name),
  });
};

export const measuredDoorbell = (doorbell: Doorbell, { metrics }: MeasuredDependencies): Doorbell => ({
  ...doorbell,
  ring: async (rings) => {
    try {
      await doorbell.ring(rings);
      metrics.count('clb_direct_rings_total', { outcome: 'rung' }, rings.length);
    } catch (error) {
      metrics.count('clb_direct_rings_total', { outcome: 'failed' }, rings.length);
      throw error;
    }
  },
});

export const measuredFunctions = (
  functions: Functions,
  { metrics, clock, dueTimes }: MeasuredDependencies,
): Functions => {
  const running = { reconcile: 0, readiness: 0 };
  const measured = async <T>(name: keyof typeof running, invoke: () => Promise<T>): Promise<T> => {
    const begunAt = clock.now();
    const change = (by: number): void => {
      running[name] += by;
      metrics.set('clb_direct_invocations_running', { function: name }, running[name]);
    };
    change(1);
    try {
      const answer = await invoke();
      metrics.count('clb_direct_invocations_total', { function: name, outcome: 'answered' });
      return answer;
    } catch (error) {
      metrics.count('clb_direct_invocations_total', { function: name, outcome: 'failed' });
      throw error;
    } finally {
      change(-1);
      metrics.observe('clb_direct_invocation_seconds', { function: name }, (clock.now() - begunAt) / 1_000);
    }
  };
  return {
    reconcile: async (request) => {
      const now = clock.now();
      for (const key of request.loadBalancerKeys) {
        const due = dueTimes.taken(key);
        if (due === undefined) continue;
        metrics.observe('clb_direct_due_wait_seconds', { lane: due.lane }, (now - due.since) / 1_000);
      }
      const answer = await measured('reconcile', () => functions.reconcile(request));
      for (const { outcome } of answer.results) metrics.count('clb_direct_reconciles_total', { outcome });
      return answer;
    },
    readiness: async (request) => {
      const answer = await measured('readiness', () => functions.readiness(request));
      metrics.count('clb_direct_gates_opened_total', {}, answer.opened);
      metrics.set('clb_direct_pods_waiting', {}, answer.waiting);
      return answer;
    },
  };
};

/** A list of Pods that is read as evidence. */
export const measuredReads = <Asked, Read>(
  read: (asked: Asked) => Promise<Read>,
  { metrics }: MeasuredDependencies,
): ((asked: Asked) => Promise<Read>) => {
  return async (asked) => {
    try {
      const found = await read(asked);
      metrics.count('clb_direct_evidence_reads_total', { outcome: 'read' });
      return found;
    } catch (error) {
      metrics.count('clb_direct_evidence_reads_total', { outcome: 'failed' });
      throw error;
    }
  };
};
