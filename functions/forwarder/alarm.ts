import type { Clock } from '../../shared/model/clock.ts';

/** One moment to wake up at; an earlier one replaces a later one. */
export interface Alarm {
  /** Unix ms; what is past rings as soon as what is being read from sockets now is through. */
  set(atMs: number): void;
  stop(): void;
}

/** @param onTime runs once for each time that was reached; sets the next one itself */
export const createAlarm = (clock: Clock, onTime: () => void): Alarm => {
  let setFor: number | undefined;
  let waiting: AbortController | undefined;
  let immediate: NodeJS.Immediate | undefined;

  const ring = (): void => {
    setFor = undefined;
    waiting = undefined;
    immediate = undefined;
    onTime();
  };
  const stop = (): void => {
    waiting?.abort();
    clearImmediate(immediate);
    setFor = undefined;
    waiting = undefined;
    immediate = undefined;
  };
  return {
    set: (atMs) => {
      if (setFor !== undefined && setFor <= atMs) return;
      stop();
      setFor = atMs;
      const delayMs = atMs - clock.now();
      if (delayMs <= 0) {
        immediate = setImmediate(ring);
        return;
      }
      const mine = new AbortController();
      waiting = mine;
      void clock.sleep(delayMs, mine.signal).then(() => {
        if (!mine.signal.aborted) ring();
      });
    },
    stop,
  };
};
