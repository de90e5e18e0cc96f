import { ApiError } from './api-error.ts';

/** A refusal that a fault made up: it is answered as it is. */
export class InjectedError extends ApiError {}

/** What a fault does to a call. "Effect" is what the call would have changed; times are simulated ms. */
export type FaultEffect =
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'drop-before-effect' }
  | { readonly kind: 'drop-after-effect' }
  | { readonly kind: 'http-status'; readonly status: number; readonly afterEffect?: boolean }
  | { readonly kind: 'truncated-json' }
  | { readonly kind: 'error'; readonly code: string; readonly message?: string }
  | { readonly kind: 'throttle'; readonly code?: string }
  /** The asynchronous task ends with Status 1 and changes nothing. */
  | { readonly kind: 'task-fails'; readonly message?: string }
  /** FailListenerIdSet with Message; the other listeners of the call are applied. */
  | {
      readonly kind: 'fail-listeners';
      readonly listenerIds?: readonly string[] | 'first' | 'all';
      readonly message?: string;
    }
  /** Success is answered (the task ends with 0), nothing is changed. */
  | { readonly kind: 'no-effect' }
  /** The load balancer stays locked this much longer after the write. */
  | { readonly kind: 'lock-tail'; readonly ms: number }
  /** The server's clock is so many real milliseconds ahead of this machine's; below 0: behind. */
  | { readonly kind: 'clock-skew'; readonly ms: number }
  /** Somebody deletes the load balancer of the call, just before the call is seen. */
  | { readonly kind: 'deleted-by-hand' }
  /** Somebody does this, just before the call is seen; to the load balancer of the call, if no other is named. */
  | {
      readonly kind: 'changed-by-hand';
      readonly action: string;
      readonly parameters?: Readonly<Record<string, unknown>>;
    };

/** What a fault's predicate sees. */
export interface FaultCall {
  readonly action: string;
  readonly region: string;
  readonly loadBalancerId: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface Fault {
  /** Absent: every action. */
  readonly action?: string | readonly string[];
  readonly when?: (call: FaultCall) => boolean;
  /** How often it strikes; absent: until it is taken away. */
  readonly times?: number;
  /** Which share of the calls it strikes, 0 to 1; absent: all. */
  readonly share?: number;
  /** Real milliseconds after which it is over; absent: it is not. */
  readonly forMs?: number;
  readonly effect: FaultEffect;
}

type Kind = FaultEffect['kind'];
type EffectOf<K extends Kind> = Extract<FaultEffect, { kind: K }>;

/** The effects that strike one call. */
export class Effects {
  readonly #effects: readonly FaultEffect[];

  constructor(effects: readonly FaultEffect[]) {
    this.#effects = effects;
  }

  find<K extends Kind>(kind: K): EffectOf<K> | undefined {
    return this.#effects.find((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  has(kind: Kind): boolean {
    return this.find(kind) !== undefined;
  }
}

/** What works before anybody knows who calls. */
const beforeSignature: ReadonlySet<Kind> = new Set(['clock-skew']);

interface Injected {
  readonly fault: Fault;
  readonly untilMs: number;
  left: number;
}

/** Faults to be met by calls that reached the gateway with a valid signature; a skewed clock by all calls. */
export class Faults {
  readonly #injected = new Set<Injected>();
  readonly #random: () => number;

  /** @param random 0 to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** @returns takes the fault away again */
  inject(fault: Fault): () => void {
    const injected = {
      fault,
      left: fault.times ?? Number.POSITIVE_INFINITY,
      untilMs: performance.now() + (fault.forMs ?? Number.POSITIVE_INFINITY),
    };
    this.#injected.add(injected);
    return () => void this.#injected.delete(injected);
  }

  clear(): void {
    this.#injected.clear();
  }

  /**
   * All that strike this call; each of them is used up by one.
   *
   * @param moment those that work before the signature is checked, or the others
   */
  strike(call: FaultCall, moment: 'before-signature' | 'after-signature' = 'after-signature'): Effects {
    const effects: FaultEffect[] = [];
    for (const injected of this.#injected) {
      const { action, when, effect, share = 1 } = injected.fault;
      if (performance.now() >= injected.untilMs) {
        this.#injected.delete(injected);
        continue;
      }
      if (beforeSignature.has(effect.kind) !== (moment === 'before-signature')) continue;
      const actions = typeof action === 'string' ? [action] : action;
      if (actions !== undefined && !actions.includes(call.action)) continue;
      if (when !== undefined && !when(call)) continue;
      if (share < 1 && this.#random() >= share) continue;
      effects.push(effect);
      injected.left -= 1;
      if (injected.left <= 0) this.#injected.delete(injected);
    }
    return new Effects(effects);
  }
}
