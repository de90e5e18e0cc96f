import type { Clock, Random } from '../../model/clock.ts';
import type { LoadBalancerKey } from '../../model/desired-state.ts';
import { defaultBudgetPerSecond } from './budget.ts';
import type { Engine, Leadership, Opened } from './engine.ts';
import * as lb from './kept-load-balancer.ts';
import { createKeptStore } from './kept-store.ts';
import { createMemoryBudget } from './memory-budget.ts';
import type { Store } from './store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Makes the generation; Math.random by default. */
  readonly random?: Random;
  /** Calls a second of each action, all lanes together; 18 by default. */
  readonly budgetPerSecond?: number;
}

const randomId = (random: Random): string =>
  Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');

interface Shelf {
  readonly kept: lb.KeptLoadBalancer;
  readonly texts: Map<string, string>;
}

const has: Readonly<Record<Parameters<Engine['keysWith']>[0], (kept: lb.KeptLoadBalancer) => boolean>> = {
  object: ({ events }) => events.size > 0,
  waiting: ({ events }) => [...events.values()].some(({ waits }) => waits),
  evidence: ({ evidence }) => evidence.size > 0,
  letter: ({ letters }) => letters.size > 0,
};

/** No step awaits anything, so each is atomic. */
export const createMemoryEngine = ({
  clock,
  random = Math.random,
  budgetPerSecond = defaultBudgetPerSecond,
}: MemoryStoreOptions): Engine => {
  const generation = randomId(random);
  const shelves = new Map<LoadBalancerKey, Shelf>();
  const notes = new Map<string, string>();
  /** Unix ms when the turn is over. */
  const turns = new Map<string, number>();
  let leadership: Leadership = { epoch: 0, leader: 'none' };
  let puts = 0;

  const open = (key: LoadBalancerKey): Shelf =>
    shelves.get(key) ?? { kept: lb.keepLoadBalancer(key), texts: new Map() };

  const step = <T>(shelf: Shelf, act: (opened: Opened) => T): T => {
    const opened: Opened = {
      kept: shelf.kept,
      leadership,
      now: clock.now(),
      textOf: (uid) => shelf.texts.get(uid),
      keepText: (uid, text) => void shelf.texts.set(uid, text),
    };
    const value = act(opened);
    ({ leadership } = opened);
    for (const uid of shelf.texts.keys()) if (!shelf.kept.events.has(uid)) shelf.texts.delete(uid);
    return value;
  };

  return {
    budget: createMemoryBudget(clock, budgetPerSecond),
    change: async (key, _need, act, count = false) => {
      const shelf = open(key);
      if (count) puts += 1;
      const value = step(shelf, act);
      if (!lb.isBlank(shelf.kept)) shelves.set(key, shelf);
      return { value, counter: 'memory', generation, puts };
    },
    look: async (keys, _need, act) => keys.map((key) => step(open(key), act)),
    keysWith: async (what) =>
      [...shelves.values()].filter(({ kept }) => has[what](kept)).map(({ kept }) => kept.key),
    heldBy: async (owner) =>
      [...shelves.values()].filter(({ kept }) => kept.hold?.owner === owner).map(({ kept }) => kept.key),
    due: async () => {
      const now = clock.now();
      const keys: LoadBalancerKey[] = [];
      let next = Number.POSITIVE_INFINITY;
      for (const { kept } of shelves.values()) {
        const at = lb.nextDueAt(kept);
        if (at <= now) keys.push(kept.key);
        else next = Math.min(next, at);
      }
      return { keys, ...(next === Number.POSITIVE_INFINITY ? {} : { nextInMs: next - now }) };
    },
    takeOver: async () => {
      const epoch = Math.max(leadership.epoch + 1, Math.floor(clock.now() / 1_000));
      leadership = { epoch, leader: 'putting' };
      // What a released object refuses, it refuses anyway in a new epoch.
      for (const [key, { kept }] of shelves) {
        if (kept.events.size === 0) shelves.delete(key);
      }
      return { epoch, generation };
    },
    complete: async (epoch) => {
      if (epoch === leadership.epoch && leadership.leader === 'putting') {
        leadership = { epoch, leader: 'complete' };
      }
    },
    generation: async () => generation,
    writeNote: async (name, text) => void notes.set(name, text),
    readNote: async (name) => notes.get(name),
    takeTurn: async (name, ms) => {
      const now = clock.now();
      if ((turns.get(name) ?? 0) > now) return false;
      turns.set(name, now + ms);
      return true;
    },
    close: async () => {},
  };
};

/**
 * The store of one process: for tests, and for standalone. What it loses when the process ends is put again at
 * the next start.
 */
export const createMemoryStore = (options: MemoryStoreOptions): Store =>
  createKeptStore(createMemoryEngine(options));
