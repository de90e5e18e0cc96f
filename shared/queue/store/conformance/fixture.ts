import { afterEach, expect } from 'vitest';
import type { DesiredStateEvent } from '../../../events/desired-state-event.ts';
import { makeDesiredStateEvent } from '../../../events/make-event.ts';
import { formatSequence } from '../../../events/sequence.ts';
import type { Clock, Random } from '../../../model/clock.ts';
import type { DesiredState, PodState, Sequence } from '../../../model/desired-state.ts';
import { createFakeClock, type FakeClock } from '../../../model/fake-clock.test-support.ts';
import type { Hold } from '../../../model/hold.ts';
import { nothingRecorded, type Recorded } from '../../../model/observed.ts';
import type { Store } from '../store.ts';

export interface StoreOptions {
  readonly clock: Clock;
  readonly random?: Random;
  readonly budgetPerSecond?: number;
}

/** A store that has nothing in it, apart from all others. */
export type MakeStore = (options: StoreOptions) => Store | Promise<Store>;

/** Of a leader that took over when the fake clock began; the epoch that `takeOver` answers first. */
export const firstEpoch = 1_700_000_000;

/** A sequence of the first epoch, or of a later one. */
export const at = (counter: number, epoch = firstEpoch): Sequence => formatSequence(epoch, counter);

export const podOf = (name: string, more: Partial<PodState> = {}): PodState => ({
  ref: { kind: 'Pod', namespace: 'default', name, uid: `pod-${name}` },
  resourceVersion: '1',
  ips: ['10.0.0.1'],
  containersReady: true,
  ready: false,
  foreignGatesOpen: true,
  ended: false,
  heldBy: [],
  ...more,
});

/** The event of a Service whose UID is `object`, behind load balancer `lb`. */
export const eventOf = (
  object: string,
  sequence: Sequence,
  lb = 'lb-a',
  more: Partial<DesiredState> = {},
): DesiredStateEvent =>
  makeDesiredStateEvent({
    source: 'cls-a',
    sequence,
    timeMs: 0,
    state: {
      object: { kind: 'Service', namespace: 'default', name: object, uid: object },
      resourceVersion: '1',
      createdAt: 0,
      loadBalancerKey: lb,
      intent: 'serve',
      finalizer: true,
      deleting: false,
      loadBalancer: { source: 'created', network: { type: 'public' } },
      shown: { addresses: [] },
      listeners: [],
      pods: [],
      problems: [],
      ...more,
    },
  });

/** An event that another build put: this one cannot read its Pods. */
export const unreadableEventOf = (object: string, sequence: Sequence, lb = 'lb-a'): DesiredStateEvent => {
  const event = eventOf(object, sequence, lb);
  const data: unknown = { ...event.data, pods: 'of a later build' };
  return { ...event, data: data as DesiredState };
};

export const recordedWith = (loadBalancerId: string, more: Partial<Recorded> = {}): Recorded => ({
  ...nothingRecorded,
  loadBalancer: { loadBalancerId, addresses: [], listeners: [] },
  wholeReadAt: 1,
  ...more,
});

/** What the hold hands out: object UID and sequence. */
export const handed = (hold: Pick<Hold, 'states'>): Record<string, Sequence> =>
  Object.fromEntries(hold.states.map(({ state, sequence }) => [state.object.uid, sequence]));

export interface Fixture {
  readonly clock: FakeClock;
  readonly store: Store;
  /** Takes the hold, which must be free. */
  take(lb?: string, owner?: string): Promise<Hold>;
  /** Takes the hold, records, and is done with what it was handed: nothing is left to do. */
  apply(lb?: string): Promise<void>;
  dueKeys(): Promise<string[]>;
}

/** Called inside a `describe`: what it makes is closed after each test. */
export const fixtures = (
  makeStore: MakeStore,
): ((options?: Omit<StoreOptions, 'clock'>) => Promise<Fixture>) => {
  const made: Store[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((store) => store.close()));
  });
  return async (options = {}) => {
    const clock = createFakeClock(firstEpoch * 1_000);
    const store = await makeStore({ clock, ...options });
    made.push(store);
    const take = async (lb = 'lb-a', owner = 'worker'): Promise<Hold> => {
      const hold = await store.take(lb, owner);
      if (typeof hold === 'string') return expect.fail(`${lb} is not to be had: ${hold}`);
      return hold;
    };
    return {
      clock,
      store,
      take,
      apply: async (lb = 'lb-a') => {
        const hold = await take(lb);
        await hold.record(recordedWith(lb));
        await hold.done({ applied: handed(hold), released: [] });
      },
      dueKeys: async () => (await store.due(100)).due.map(({ loadBalancerKey }) => loadBalancerKey),
    };
  };
};
