import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { Dispatch } from './dispatch.ts';
import type { Feeder } from './feeder.ts';
import type { ReadinessCalls } from './readiness-calls.ts';
import { sweep } from './sweep.ts';

export interface LeaderDependencies {
  readonly store: Pick<Store, 'takeOver' | 'generation' | 'loadBalancers' | 'markDue'>;
  /** Resolves when each watch has passed what was true at the call. */
  readonly catchUp: () => Promise<void>;
  readonly feeder: Feeder;
  readonly dispatch: Dispatch;
  readonly readiness: ReadinessCalls;
  readonly lookForEvidence: () => Promise<void>;
  /** True: there are gates to open that nobody holds. */
  readonly lookForUnheld: () => Promise<boolean>;
  readonly resyncMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What only the holder of the Lease does. */
export interface Leader {
  begin(): void;
  /** The store lost what it had: takes over anew, so that everything is put again. */
  takeOverAgain(): void;
  /** Puts and invokes nothing from now on; resolves when what runs has ended. */
  end(): Promise<void>;
}

const tickMs = 1_000;
const unheldEveryTicks = 5;
const retryFirstMs = 200;
const retryMostMs = 5_000;

export const createLeader = (dependencies: LeaderDependencies): Leader => {
  const { store, catchUp, feeder, dispatch, readiness, clock, log } = dependencies;
  let leading: AbortController | undefined;
  /** Whose take-over is under way. */
  let takingOver: AbortSignal | undefined;

  /** The epoch first: whoever led before is refused from then on. Then the truth, then the puts. */
  const takeOver = async (signal: AbortSignal): Promise<void> => {
    if (takingOver === signal) return;
    takingOver = signal;
    try {
      for (let pauseMs = retryFirstMs; !signal.aborted; pauseMs = Math.min(retryMostMs, pauseMs * 2)) {
        try {
          const start = await store.takeOver();
          await catchUp();
          if (!signal.aborted) feeder.lead(start);
          return;
        } catch (error) {
          if (signal.aborted) return;
          log.warn('Taking over failed; it is tried again.', { error, pauseMs });
          await clock.sleep(pauseMs, signal);
        }
      }
    } finally {
      if (takingOver === signal) takingOver = undefined;
    }
  };

  const checkGeneration = async (signal: AbortSignal): Promise<void> => {
    const known = feeder.generation();
    if (known === undefined) return;
    try {
      if ((await store.generation()) === known || signal.aborted) return;
    } catch (error) {
      log.warn('The store cannot be asked for its generation.', { error });
      return;
    }
    log.warn('The store is another one than before; everything is put again.');
    await takeOver(signal);
  };

  const tick = async (signal: AbortSignal): Promise<void> => {
    for (let count = 0; !signal.aborted; count += 1) {
      await Promise.all([checkGeneration(signal), dependencies.lookForEvidence()]);
      if (count % unheldEveryTicks === 0 && (await dependencies.lookForUnheld())) readiness.now();
      await clock.sleep(tickMs, signal);
    }
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    await takeOver(signal);
    if (signal.aborted) return;
    dispatch.start();
    readiness.start();
    await Promise.all([
      tick(signal),
      sweep(
        {
          store,
          objects: feeder.objects,
          recheck: (uid) => feeder.changed([uid], false),
          everyMs: dependencies.resyncMs,
          clock,
          log,
        },
        signal,
      ),
    ]);
  };

  return {
    begin: () => {
      if (leading !== undefined) return;
      leading = new AbortController();
      void run(leading.signal);
    },
    takeOverAgain: () => {
      if (leading !== undefined) void takeOver(leading.signal);
    },
    end: async () => {
      leading?.abort();
      leading = undefined;
      feeder.stop();
      await Promise.all([dispatch.stop(), readiness.stop()]);
    },
  };
};
