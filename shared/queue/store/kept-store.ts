import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { epochOf, formatSequence } from '../../events/sequence.ts';
import { isWaiting } from '../../model/gates.ts';
import type { Hold } from '../../model/hold.ts';
import type { Engine, Leadership, Opened } from './engine.ts';
import * as lb from './kept-load-balancer.ts';
import {
  type DueLoadBalancer,
  type EvidenceRequest,
  holdMs,
  type PutAnswer,
  type Store,
  type WaitingLoadBalancer,
} from './store.ts';
import { storedText } from './stored-event.ts';

const giveBackAgainMs = 500;

const isComplete = (kept: lb.KeptLoadBalancer, { leader }: Leadership): boolean =>
  leader === 'complete' && kept.letters.size === 0;

const hasWaiting = ({ states }: WaitingLoadBalancer): boolean =>
  states.some(({ state }) => state.intent === 'serve' && state.pods.some(isWaiting));

/** What newest-wins answers to this event; undefined: it was kept. */
const putInto = (
  opened: Opened,
  event: Parameters<Store['put']>[0],
  lane: Parameters<Store['put']>[1],
): string | undefined => {
  const { kept, leadership, now } = opened;
  const { epoch } = leadership;
  const { uid } = event.data.object;
  const eventEpoch = epochOf(event.sequence);
  // Also when it has no epoch: what cannot be ordered must not stand in the way of what can.
  if (!(eventEpoch >= epoch)) {
    const known = kept.events.get(uid)?.sequence;
    return known !== undefined && epochOf(known) === epoch ? known : formatSequence(epoch, 0);
  }
  const waits =
    event.data.intent === 'serve' && Array.isArray(event.data.pods) && event.data.pods.some(isWaiting);
  lb.forgetReleased(kept, (sequence) => epochOf(sequence) < epoch);
  const newest = lb.put(kept, event, lane, now, waits);
  if (newest !== undefined) return newest;
  opened.keepText(uid, storedText(event));
  if (eventEpoch > epoch) opened.leadership = { epoch: eventEpoch, leader: 'none' };
  return undefined;
};

/** The store over an engine: what each operation means, whatever keeps the data. */
export const createKeptStore = (engine: Engine): Store => {
  const statesOf = ({ kept, now, textOf }: Opened) => lb.readStates(kept, textOf, now);

  /** One step of who holds the load balancer; undefined: the hold is lost. */
  const holdOf = (
    taken: Pick<Hold, 'states' | 'complete' | 'recorded'>,
    key: string,
    mark: lb.HoldMark,
  ): Hold => {
    let over = false;
    let { lane } = mark;
    /** Up to which version states have reached the holder: an answer that was lost handed over nothing. */
    let { handed } = mark;
    const step = async <T>(
      act: (opened: Opened, hold: lb.HoldMark) => T,
      need: 'control' | 'states' = 'control',
    ): Promise<T | undefined> => {
      const told = !over;
      const { value } = await engine.change(key, need, (opened): { readonly answer: T } | undefined => {
        lb.settle(opened.kept, opened.now);
        const { hold } = opened.kept;
        if (hold?.id === mark.id) {
          lb.handBack(opened.kept, hold, handed, opened.now);
          const answer = act(opened, hold);
          lane = hold.lane;
          return { answer };
        }
        // Who finds it lost may have written late: it is due, and read from the CLB.
        if (told && opened.kept.events.size > 0) lb.markDue(opened.kept, lane, opened.now, true);
        return undefined;
      });
      return value?.answer;
    };
    return {
      loadBalancerKey: key,
      inherited: mark.inherited,
      states: taken.states,
      complete: taken.complete,
      recorded: taken.recorded,
      mustObserve: mark.owesObserve,
      check: async () => {
        const renewed = await step(
          ({ kept, now }, hold) => lb.hasNewer(kept, hold) || lb.renew(kept, hold, now),
        );
        if (renewed === undefined) return { answer: 'lost' };
        if (!renewed) return { answer: 'mine' };
        // Newer states are read only when there are some.
        const newer = await step((opened, hold) => {
          lb.renew(opened.kept, hold, opened.now);
          const states = statesOf(opened);
          const complete = isComplete(opened.kept, opened.leadership);
          return { handed: hold.handed, check: { answer: 'newer', states, complete } as const };
        }, 'states');
        if (newer === undefined) return { answer: 'lost' };
        ({ handed } = newer);
        return newer.check;
      },
      record: async (recorded) => {
        const kept = await step((opened, hold) => {
          lb.record(opened.kept, hold, recorded, opened.now);
          return true;
        });
        return kept === true;
      },
      done: async (end) => {
        await step(({ kept, now }, hold) => lb.done(kept, hold, end, now));
        over = true;
      },
      retry: async (afterMs, _reason, how = {}) => {
        await step(({ kept, now }, hold) => lb.retry(kept, hold, afterMs, how, now));
        over = true;
      },
      needsEvidence: async (objectUid, wanted) => {
        await step(({ kept }, hold) => lb.askEvidence(kept, hold, objectUid, wanted));
      },
    };
  };

  /**
   * Nobody knows whether the hold was taken; perhaps it will be, when the store goes on. Nobody would use it, and all
   * would wait for it: it ends as if it had never been. Given up when it ends by time anyway.
   */
  const giveBack = async (key: string, id: string): Promise<void> => {
    const end = performance.now() + holdMs;
    while (performance.now() < end) {
      try {
        await engine.change(key, 'control', ({ kept, now }) => {
          lb.settle(kept, now);
          if (kept.hold?.id === id) lb.retry(kept, kept.hold, 0, {}, now);
        });
        return;
      } catch {
        await sleep(giveBackAgainMs, undefined, { ref: false });
      }
    }
  };

  return {
    budget: engine.budget,
    takeOver: () => engine.takeOver(),
    put: async (event, lane): Promise<PutAnswer> => {
      const { value, ...counted } = await engine.change(
        event.partitionkey,
        'control',
        (opened) => {
          lb.settle(opened.kept, opened.now);
          const newest = putInto(opened, event, lane);
          return { newest, applied: opened.kept.applied.get(event.data.object.uid) };
        },
        true,
      );
      const { newest, applied } = value;
      if (newest !== undefined) return { outcome: 'refused', newest, ...counted };
      return { outcome: 'kept', ...counted, ...(applied === undefined ? {} : { applied }) };
    },
    complete: (epoch) => engine.complete(epoch),
    markDue: async (key, lane, observe = false) => {
      await engine.change(key, 'control', ({ kept, now }) => {
        lb.settle(kept, now);
        if (kept.events.size > 0) lb.markDue(kept, lane, now, observe);
      });
    },
    take: async (key, owner) => {
      const id = randomUUID();
      const taking = engine.change(key, 'states', (opened) => {
        const { kept, now } = opened;
        lb.settle(kept, now);
        // Its answer was lost once: it is ours already.
        const mark = kept.hold?.id === id ? kept.hold : lb.take(kept, owner, id, now);
        if (typeof mark === 'string') return mark;
        const states = statesOf(opened);
        const complete = isComplete(kept, opened.leadership);
        return { mark: { ...mark }, taken: { states, complete, recorded: kept.recorded } };
      });
      taking.catch(() => void giveBack(key, id));
      const { value } = await taking;
      return typeof value === 'string' ? value : holdOf(value.taken, key, value.mark);
    },
    due: async (limit) => {
      const { keys, nextInMs } = await engine.due(limit);
      const seen = await engine.look(keys, 'control', ({ kept, now }) => {
        lb.settle(kept, now);
        return lb.dueNow(kept, now);
      });
      const due = seen
        .filter((one): one is DueLoadBalancer => one !== undefined)
        .sort(lb.byUrgency)
        .slice(0, limit);
      return { due, ...(nextInMs === undefined ? {} : { nextInMs }) };
    },
    loadBalancers: () => engine.keysWith('object'),
    waiting: async () => {
      const views = await engine.look(await engine.keysWith('waiting'), 'states', (opened) => ({
        loadBalancerKey: opened.kept.key,
        states: statesOf(opened),
        recorded: opened.kept.recorded,
      }));
      return views.filter(hasWaiting);
    },
    expire: async (owner) => {
      for (const key of await engine.heldBy(owner)) {
        await engine.change(key, 'control', ({ kept, now }) => {
          lb.settle(kept, now);
          if (kept.hold?.owner === owner) lb.expireHold(kept, now);
        });
      }
    },
    evidenceWanted: async () => {
      const asked = await engine.look(await engine.keysWith('evidence'), 'control', ({ kept }) =>
        [...kept.evidence].map(
          ([objectUid, wanted]): EvidenceRequest => ({ loadBalancerKey: kept.key, objectUid, wanted }),
        ),
      );
      return asked.flat();
    },
    deadLetters: async () =>
      (
        await engine.look(await engine.keysWith('letter'), 'control', ({ kept }) => [
          ...kept.letters.values(),
        ])
      ).flat(),
    generation: () => engine.generation(),
    writeNote: (name, text) => engine.writeNote(name, text),
    readNote: (name) => engine.readNote(name),
    takeTurn: (name, ms) => engine.takeTurn(name, ms),
    close: () => engine.close(),
  };
};
