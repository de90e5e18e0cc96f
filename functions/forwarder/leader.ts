import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { ApiToken } from './api-token.ts';
import type { Feeder } from './feeder.ts';
import { sweep } from './sweep.ts';

export interface LeaderDependencies {
  readonly store: Pick<Store, 'takeOver' | 'generation' | 'loadBalancers' | 'markDue'>;
  /** Resolves when each watch has passed what was true at the call. */
  readonly catchUp: () => Promise<void>;
  readonly feeder: Feeder;
  /** What runs while it leads: who invokes the functions. */
  readonly services: readonly { start(): void; stop(): Promise<void> }[];
  readonly apiToken?: ApiToken;
  readonly lookForEvidence: () => Promise<void>;
  readonly lookForDeadLetters: () => Promise<void>;
  /** Sees to gates that nobody holds. */
  readonly lookForUnheld: () => Promise<void>;
  readonly resyncMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What only the holder of the Lease does. */
export interface Leader {
  begin(): void;
  /** The store lost what it had: takes over anew, so that everything is put again. */
  takeOverAgain(): void;
  /** Begins an epoch at this moment: a newer one than the puts under way know may be its own. */
  isTakingOver(): boolean;
  /** Puts and invokes nothing from now on; resolves when what runs has ended. */
  end(): Promise<void>;
}

const tickMs = 1_000;
const seldomTicks = 5;
const retryFirstMs = 200;
const retryMostMs = 5_000;

export const createLeader = (dependencies: LeaderDependencies): Leader => {
  const { store, catchUp, feeder, services, apiToken, clock, log } = dependencies;
  let leading: AbortController | undefined;
  /** Whose take-over is under way. */
  let takingOver: AbortSignal | undefined;

  /**
   * The epoch first: whoever led before is refused from then on. Then the functions' way to the cluster, which a lost
   * store has lost too; then the truth, then the puts.
   */
  const takeOver = async (signal: AbortSignal): Promise<void> => {
    if (takingOver === signal) return;
    takingOver = signal;
    try {
      for (let pauseMs = retryFirstMs; !signal.aborted; pauseMs = Math.min(retryMostMs, pauseMs * 2)) {
        try {
          const start = await store.takeOver();
          await Promise.all([catchUp(), apiToken?.writeNow()]);
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
      if (count % seldomTicks === 0) {
        await told('Gates that nobody holds could not be seen to.', dependencies.lookForUnheld());
        await told('The store cannot be asked for dead letters.', dependencies.lookForDeadLetters());
      }
      await clock.sleep(tickMs, signal);
    }
  };

  const told = (failure: string, work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => log.warn(failure, { error }));

  const run = async (signal: AbortSignal): Promise<void> => {
    await takeOver(signal);
    if (signal.aborted) return;
    for (const service of services) service.start();
    await Promise.all([
      tick(signal),
      apiToken?.keep(signal),
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
    isTakingOver: () => takingOver !== undefined,
    end: async () => {
      leading?.abort();
      leading = undefined;
      feeder.stop();
      await Promise.all(services.map((service) => service.stop()));
    },
  };
};
