import { History, type HistoryEvent } from './history.ts';
import { RunState } from './run-state.ts';

/** What a scenario waited for did not come about. */
export class NotInTime extends Error {
  constructor(what: string, timeoutMs: number, seen: string) {
    super(`Within ${timeoutMs / 1000} s this did not come about: ${what}. Last seen: ${seen}.`);
    this.name = 'NotInTime';
  }
}

const seenNow = (state: RunState): string =>
  [
    `stage ${state.stage}`,
    ...state.pods.map(
      ({ pod, target }) =>
        `${pod.name} ${pod.terminating ? 'Terminating' : pod.phase}${pod.ready ? ' Ready' : ''} gate ${pod.gate}` +
        (target === undefined ? ' unbound' : ` weight ${target.weight} ${target.health}`),
    ),
  ].join('; ');

/** The history of a run with what is true now; everything else waits on it and reads from it. */
export class Run {
  readonly history: History;
  readonly state = new RunState();
  readonly #ended = new AbortController();

  constructor(history: History = new History()) {
    this.history = history;
    for (const event of history.events) this.state.add(event);
    history.on((event) => this.state.add(event));
  }

  /** Fires when the run is given up. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whoever waits is told the reason. */
  giveUp(reason: Error): void {
    this.#ended.abort(reason);
  }

  /**
   * Resolves with the time of the event that made the condition true (now, if it is true already).
   *
   * @param what for the message, as a statement: "all targets are Alive"
   * @throws NotInTime, or the reason of {@link giveUp}
   */
  until(
    what: string,
    timeoutMs: number,
    holds: (state: RunState, event?: HistoryEvent) => boolean,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.signal.aborted) {
        reject(this.signal.reason);
        return;
      }
      if (holds(this.state)) {
        resolve(Date.now());
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        stopListening();
        this.signal.removeEventListener('abort', abandon);
      };
      const abandon = (): void => {
        end();
        reject(this.signal.reason);
      };
      const stopListening = this.history.on((event) => {
        if (!holds(this.state, event)) return;
        end();
        resolve(event.timeMs);
      });
      const timer = setTimeout(() => {
        end();
        reject(new NotInTime(what, timeoutMs, seenNow(this.state)));
      }, timeoutMs);
      this.signal.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Lets time pass, for what has no condition: traffic to settle. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => {
        clearTimeout(timer);
        reject(this.signal.reason);
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener('abort', abandon);
        resolve();
      }, ms);
      if (this.signal.aborted) abandon();
      else this.signal.addEventListener('abort', abandon, { once: true });
    });
  }
}
