import { expect } from 'vitest';
import type { Clock } from '../../../model/clock.ts';
import type { Sequence } from '../../../model/desired-state.ts';
import type { Hold } from '../../../model/hold.ts';
import { holdMs, type Store } from '../store.ts';
import { handed, recordedWith } from './fixture.ts';

/** A call lives at most half as long as a hold (law L4). */
const callMs = holdMs / 2;

/** When a late call has landed or never will. */
export const lateCheckMs = callMs + 1_000;

/** Only moved by hand, at once: thousands of interleavings have no time for sleepers. */
interface HandClock extends Clock {
  pass(ms: number): void;
}

export const createHandClock = (startMs: number): HandClock => {
  let now = startMs;
  return {
    now: () => now,
    sleep: () => Promise.reject(new Error('nobody wakes who sleeps by this clock')),
    pass: (ms) => {
      now += Math.max(0, ms);
    },
  };
};

/** What the CLB has of a load balancer: which state of each object was written. */
type Written = Map<string, Sequence>;

interface Call {
  readonly lb: string;
  readonly writes: ReadonlyMap<string, Sequence | 'deleted'>;
  /** Unix ms; it lands before, or never. */
  readonly before: number;
}

/**
 * A worker that does what reconcile does, a step at a time: take, check, send, (land,) record, done. It writes only
 * what its record does not show, unless it must observe; so what the store forgets to have observed stays wrong.
 */
export interface Worker {
  readonly name: string;
  isBusy(): boolean;
  /** It waits for the answer to a call. */
  isCalling(): boolean;
  step(lb?: string): Promise<void>;
  retry(strict: boolean): Promise<void>;
}

export interface World {
  readonly store: Store;
  clb(lb: string): Written;
  hire(): Worker;
  /** The dispatcher expires what the worker holds. */
  expire(worker: Worker): Promise<void>;
  /** Time passes; calls of workers that are gone land at the very last moment. */
  advance(ms: number): Promise<void>;
}

const parseReported = (hold: Hold): Written =>
  new Map(
    hold.recorded.reported.map((line): [string, Sequence] => {
      const [uid = '', sequence = ''] = line.split('=');
      return [uid, sequence];
    }),
  );

export const createWorld = (store: Store, clock: HandClock): World => {
  const clbs = new Map<string, Written>();
  const inFlight = new Set<Call>();
  /** Who took each load balancer last, and until when nobody else may. */
  const holders = new Map<string, { readonly hold: Hold; readonly owner: string; until: number }>();
  let hired = 0;

  const clb = (lb: string): Written => {
    const written = clbs.get(lb) ?? new Map();
    clbs.set(lb, written);
    return written;
  };

  const land = async (call: Call): Promise<void> => {
    if (!inFlight.delete(call) || clock.now() >= call.before) return;
    // What nobody wants any more is deleted, and a call to it fails.
    if (!(await store.loadBalancers()).includes(call.lb)) return;
    for (const [uid, sequence] of call.writes) {
      if (sequence === 'deleted') clb(call.lb).delete(uid);
      else clb(call.lb).set(uid, sequence);
    }
  };

  const hire = (): Worker => {
    hired += 1;
    const name = `worker-${hired}`;
    let hold: Hold | undefined;
    let inHand: Pick<Hold, 'states'> = { states: [] };
    let call: Call | undefined;
    let next: 'check' | 'land' | 'record' | 'done' = 'check';

    const renewed = (): void => {
      const holder = hold === undefined ? undefined : holders.get(hold.loadBalancerKey);
      // Who is told that the hold is its own is the last who took it.
      expect(holder?.hold).toBe(hold);
      if (holder !== undefined) holder.until = clock.now() + holdMs;
    };
    const letGo = (): void => {
      const lb = hold?.loadBalancerKey ?? '';
      if (holders.get(lb)?.hold === hold) holders.delete(lb);
      hold = undefined;
      call = undefined;
    };

    const take = async (wanted: string | undefined): Promise<void> => {
      const lb = wanted ?? (await store.due(1)).due[0]?.loadBalancerKey;
      if (lb === undefined) return;
      const taken = await store.take(lb, name);
      if (typeof taken === 'string') return;
      expect(holders.get(lb)?.until ?? 0).toBeLessThanOrEqual(clock.now());
      holders.set(lb, { hold: taken, owner: name, until: clock.now() + holdMs });
      hold = taken;
      inHand = taken;
      next = 'check';
    };

    const check = async (held: Hold): Promise<void> => {
      const answer = await held.check();
      if (answer.answer === 'lost') {
        letGo();
        return;
      }
      renewed();
      if (answer.answer === 'newer') inHand = answer;
      const lb = held.loadBalancerKey;
      const shown = held.mustObserve ? clb(lb) : parseReported(held);
      const writes = new Map<string, Sequence | 'deleted'>();
      for (const { state, sequence } of inHand.states) {
        const { uid } = state.object;
        if (state.intent === 'release') {
          if (shown.has(uid)) writes.set(uid, 'deleted');
        } else if (shown.get(uid) !== sequence) {
          writes.set(uid, sequence);
        }
      }
      if (writes.size === 0) {
        next = 'record';
        return;
      }
      call = { lb, writes, before: clock.now() + callMs };
      inFlight.add(call);
      next = 'land';
    };

    const record = async (held: Hold): Promise<void> => {
      const lb = held.loadBalancerKey;
      const reported = [...clb(lb)].map(([uid, sequence]) => `${uid}=${sequence}`);
      if (!(await held.record(recordedWith(lb, { reported })))) {
        letGo();
        return;
      }
      renewed();
      next = 'done';
    };

    const done = async (held: Hold): Promise<void> => {
      const released = inHand.states.filter(({ state }) => state.intent === 'release');
      await held.done({
        applied: handed(inHand),
        released: released.map(({ state }) => state.object.uid),
        ...(held.inherited === 'released' ? {} : { dueAfterMs: lateCheckMs, observeNext: true }),
      });
      letGo();
    };

    const retry = async (strict: boolean): Promise<void> => {
      if (hold === undefined || next === 'land') return;
      await hold.retry(500, 'asked to', { strict });
      letGo();
    };

    return {
      name,
      isBusy: () => hold !== undefined,
      isCalling: () => hold !== undefined && next === 'land',
      retry,
      step: async (lb) => {
        if (hold === undefined) return take(lb);
        if (next === 'check') return check(hold);
        if (next === 'record') return record(hold);
        if (next === 'done') return done(hold);
        if (call !== undefined && inFlight.has(call) && clock.now() < call.before) {
          await land(call);
          next = 'record';
        } else {
          // Timed out: whatever became of it, the record does not show it.
          next = 'check';
          await retry(false);
        }
      },
    };
  };

  return {
    store,
    clb,
    hire,
    expire: async (worker) => {
      await store.expire(worker.name);
      for (const holder of holders.values()) if (holder.owner === worker.name) holder.until = 0;
    },
    advance: async (ms) => {
      const end = clock.now() + ms;
      const late = [...inFlight].sort((a, b) => a.before - b.before);
      for (const call of late) {
        if (call.before > end) break;
        clock.pass(call.before - 1 - clock.now());
        await land(call);
      }
      clock.pass(end - clock.now());
    },
  };
};
