import { epochOf, formatSequence } from '../../events/sequence.ts';
import type { Clock, Random } from '../../model/clock.ts';
import type { LoadBalancerKey } from '../../model/desired-state.ts';
import { isWaiting } from '../../model/gates.ts';
import type { Hold } from '../../model/hold.ts';
import * as lb from './kept-load-balancer.ts';
import { createMemoryBudget, defaultBudgetPerSecond } from './memory-budget.ts';
import type { DueLoadBalancer, EvidenceRequest, Store, WaitingLoadBalancer } from './store.ts';

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

const hasWaiting = ({ states }: WaitingLoadBalancer): boolean =>
  states.some(({ state }) => state.intent === 'serve' && state.pods.some(isWaiting));

/**
 * The store of one process: for tests, and for standalone. What it loses when the process ends is put again at
 * the next start. No step awaits anything, so each is atomic.
 */
export const createMemoryStore = ({
  clock,
  random = Math.random,
  budgetPerSecond = defaultBudgetPerSecond,
}: MemoryStoreOptions): Store => {
  const generation = randomId(random);
  const loadBalancers = new Map<LoadBalancerKey, lb.KeptLoadBalancer>();
  const notes = new Map<string, string>();
  /** Unix ms when the turn is over. */
  const turns = new Map<string, number>();
  let epoch = 0;
  /** Of this epoch's leader: `none` has taken over here (the store lost its data), or it is putting, or has put all. */
  let leader: 'none' | 'putting' | 'complete' = 'none';
  let puts = 0;

  const kept = (key: LoadBalancerKey): lb.KeptLoadBalancer => {
    const known = loadBalancers.get(key);
    if (known !== undefined) {
      lb.settle(known, clock.now());
      return known;
    }
    const fresh = lb.keepLoadBalancer(key);
    loadBalancers.set(key, fresh);
    return fresh;
  };
  const all = (): lb.KeptLoadBalancer[] => [...loadBalancers.keys()].map(kept);

  const isComplete = (of: lb.KeptLoadBalancer): boolean => leader === 'complete' && of.letters.size === 0;

  const holdOf = (of: lb.KeptLoadBalancer, mark: lb.HoldMark): Hold => {
    const states = lb.readStates(of, clock.now());
    let over = false;
    /** Who finds the hold lost may have written late: it is due, and read from the CLB. */
    const mine = (): boolean => {
      lb.settle(of, clock.now());
      if (of.hold === mark) return true;
      if (!over) lb.markDue(of, mark.lane, clock.now(), true);
      return false;
    };
    return {
      loadBalancerKey: of.key,
      inherited: mark.inherited,
      states,
      complete: isComplete(of),
      recorded: of.recorded,
      mustObserve: mark.owesObserve,
      check: async () => {
        if (!mine()) return { answer: 'lost' };
        if (!lb.renew(of, mark, clock.now())) return { answer: 'mine' };
        const newer = lb.readStates(of, clock.now());
        return { answer: 'newer', states: newer, complete: isComplete(of) };
      },
      record: async (recorded) => {
        if (!mine()) return false;
        lb.record(of, mark, recorded, clock.now());
        return true;
      },
      done: async (end) => {
        if (mine()) lb.done(of, mark, end, clock.now());
        over = true;
      },
      retry: async (afterMs, _reason, how = {}) => {
        if (mine()) lb.retry(of, mark, afterMs, how, clock.now());
        over = true;
      },
      needsEvidence: async (objectUid, wanted) => {
        if (mine()) lb.askEvidence(of, mark, objectUid, wanted);
      },
      deadLetter: async (objectUid, reason) => {
        if (mine()) lb.setAside(of, mark, objectUid, reason, clock.now());
      },
    };
  };

  return {
    budget: createMemoryBudget(clock, budgetPerSecond),
    takeOver: async () => {
      epoch = Math.max(epoch + 1, Math.floor(clock.now() / 1_000));
      leader = 'putting';
      for (const of of all()) {
        // Older than this epoch all that they refuse is refused anyway.
        of.releasedAt.clear();
        if (of.events.size === 0 && of.letters.size === 0) loadBalancers.delete(of.key);
      }
      return { epoch, generation };
    },
    put: async (event, lane) => {
      puts += 1;
      const eventEpoch = epochOf(event.sequence);
      const uid = event.data.object.uid;
      const of = kept(event.partitionkey);
      // Also when it has no epoch: what cannot be ordered must not stand in the way of what can.
      if (!(eventEpoch >= epoch)) {
        const known = of.events.get(uid)?.sequence;
        const newest = known !== undefined && epochOf(known) === epoch ? known : formatSequence(epoch, 0);
        return { outcome: 'refused', newest, generation, puts };
      }
      const newest = lb.put(of, event, lane, clock.now());
      if (newest !== undefined) return { outcome: 'refused', newest, generation, puts };
      if (eventEpoch > epoch) {
        epoch = eventEpoch;
        leader = 'none';
      }
      const applied = of.applied.get(uid);
      return { outcome: 'kept', generation, puts, ...(applied === undefined ? {} : { applied }) };
    },
    complete: async (ofEpoch) => {
      if (ofEpoch === epoch && leader === 'putting') leader = 'complete';
    },
    markDue: async (key, lane, observe = false) => {
      if (loadBalancers.has(key)) lb.markDue(kept(key), lane, clock.now(), observe);
    },
    take: async (key, owner) => {
      if (!loadBalancers.has(key)) return 'nothing';
      const of = kept(key);
      const taken = lb.take(of, owner, clock.now());
      return typeof taken === 'string' ? taken : holdOf(of, taken);
    },
    due: async (limit) => {
      const now = clock.now();
      return all()
        .map((of) => lb.dueNow(of, now))
        .filter((due): due is DueLoadBalancer => due !== undefined)
        .sort(lb.byUrgency)
        .slice(0, limit);
    },
    loadBalancers: async () =>
      all()
        .filter(({ events }) => events.size > 0)
        .map(({ key }) => key),
    waiting: async () =>
      all()
        .map((of) => ({
          loadBalancerKey: of.key,
          states: lb.readStates(of, clock.now()),
          recorded: of.recorded,
        }))
        .filter(hasWaiting),
    expire: async (owner) => {
      for (const of of all()) if (of.hold?.owner === owner) lb.expireHold(of, clock.now());
    },
    evidenceWanted: async () =>
      all().flatMap((of) =>
        [...of.evidence].map(
          ([objectUid, wanted]): EvidenceRequest => ({ loadBalancerKey: of.key, objectUid, wanted }),
        ),
      ),
    deadLetters: async () => all().flatMap((of) => [...of.letters.values()]),
    deadLetter: async (letter) => {
      kept(letter.loadBalancerKey).letters.set(letter.objectUid, { ...letter, at: clock.now() });
    },
    generation: async () => generation,
    writeNote: async (name, text) => {
      notes.set(name, text);
    },
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
