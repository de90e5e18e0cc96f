import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { PutAnswer, Store } from '../../shared/queue/store/store.ts';

export interface TermStart {
  readonly epoch: number;
  readonly generation: string;
}

/** One leader's time: its epoch, its counter of puts, what the store counts, and what is still to be put first. */
export interface Term extends TermStart {
  nextCounter(): number;
  /** The store knows a larger counter of this epoch. */
  skipTo(counter: number): void;
  /**
   * Called when a put is sent. What it returns is asked with the answer; false: the store counts no more puts than
   * it had told before this one was sent, or is another store: some are gone (law L3).
   */
  sending(): (answer: PutAnswer) => boolean;
  hasPut(uid: string): void;
  isComplete(): boolean;
  end(): void;
}

const retryFirstMs = 200;
const retryMostMs = 5_000;

/** @param uids these have to be put before absence may count; then the store is told */
export const createTerm = (
  start: TermStart,
  uids: Iterable<string>,
  {
    store,
    clock,
    log,
  }: { readonly store: Pick<Store, 'complete'>; readonly clock: Clock; readonly log: Log },
): Term => {
  const over = new AbortController();
  const remaining = new Set(uids);
  let counter = 0;
  /** How many puts each counter of the store has told of. */
  const puts = new Map<string, number>();
  let complete = false;

  const tellComplete = async (): Promise<void> => {
    for (let pauseMs = retryFirstMs; !over.signal.aborted; pauseMs = Math.min(retryMostMs, pauseMs * 2)) {
      try {
        await store.complete(start.epoch);
        complete = true;
        return;
      } catch (error) {
        log.warn('The store could not be told that all is put; it is told again.', { error, pauseMs });
        await clock.sleep(pauseMs, over.signal);
      }
    }
  };
  if (remaining.size === 0) void tellComplete();

  return {
    ...start,
    nextCounter: () => {
      counter += 1;
      return counter;
    },
    skipTo: (known) => {
      counter = Math.max(counter, known);
    },
    sending: () => {
      const before = new Map(puts);
      return ({ generation, counter: of, puts: told }) => {
        if (generation !== start.generation || told <= (before.get(of) ?? 0)) return false;
        puts.set(of, Math.max(puts.get(of) ?? 0, told));
        return true;
      };
    },
    hasPut: (uid) => {
      if (remaining.delete(uid) && remaining.size === 0) void tellComplete();
    },
    isComplete: () => complete,
    end: () => over.abort(),
  };
};
