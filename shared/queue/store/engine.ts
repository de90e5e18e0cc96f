import type { LoadBalancerKey } from '../../model/desired-state.ts';
import type { KeptLoadBalancer } from './kept-load-balancer.ts';
import type { Budget } from './store.ts';

/** Who leads, as one counter of puts knows it. */
export interface Leadership {
  readonly epoch: number;
  /** Of this epoch's leader: `none` has taken over here (the data was lost), or it is putting, or has put all. */
  readonly leader: 'none' | 'putting' | 'complete';
}

/** A load balancer in the hands of one step. */
export interface Opened {
  /** To be changed in place. */
  readonly kept: KeptLoadBalancer;
  leadership: Leadership;
  /** Unix ms. */
  readonly now: number;
  /** The text of an object's event; undefined also where states were not asked for. */
  textOf(objectUid: string): string | undefined;
  /** Keeps the text of an object's event; it is forgotten with the event. */
  keepText(objectUid: string, text: string): void;
}

/** What a step needs: `control` knows neither record nor texts. */
export type Need = 'control' | 'states';

export interface Changed<T> {
  readonly value: T;
  /** Of what counts this load balancer's puts. */
  readonly counter: string;
  /** Of the whole store, as this step saw it. */
  readonly generation: string;
  /** Puts counted so far; one more with `count`. */
  readonly puts: number;
}

/**
 * Where the load balancers are kept. A step is atomic: whatever else happens, its change is there as a whole or not at
 * all, on top of what it was shown. So every rule of the store stands once, in `kept-load-balancer.ts`.
 */
export interface Engine {
  readonly budget: Budget;
  /**
   * Shows a load balancer (a blank one, if nothing is kept) to `act` and keeps what it changed. `act` may be asked
   * more than once, so it must change nothing else. With `count` the step is a put.
   */
  change<T>(
    key: LoadBalancerKey,
    need: Need,
    act: (opened: Opened) => T,
    count?: boolean,
  ): Promise<Changed<T>>;
  /** Shows load balancers as they are; what `act` changes is forgotten. */
  look<T>(keys: readonly LoadBalancerKey[], need: Need, act: (opened: Opened) => T): Promise<readonly T[]>;
  /** All that have an object, a waiting Pod, evidence wanted or a dead letter. */
  keysWith(what: 'object' | 'waiting' | 'evidence' | 'letter'): Promise<readonly LoadBalancerKey[]>;
  heldBy(owner: string): Promise<readonly LoadBalancerKey[]>;
  /** Those whose time has come, and in how many ms the next one's comes. */
  due(limit: number): Promise<{ readonly keys: readonly LoadBalancerKey[]; readonly nextInMs?: number }>;
  takeOver(): Promise<{ readonly epoch: number; readonly generation: string }>;
  complete(epoch: number): Promise<void>;
  generation(): Promise<string>;
  writeNote(name: string, text: string): Promise<void>;
  readNote(name: string): Promise<string | undefined>;
  takeTurn(name: string, ms: number): Promise<boolean>;
  close(): Promise<void>;
}
