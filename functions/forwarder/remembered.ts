import type { Previous } from '../../shared/model/derive.ts';
import type { DesiredState, Sequence } from '../../shared/model/desired-state.ts';

/** What the forwarder remembers of one object between two puts: enough to say what left since, and why. */
export interface Remembered {
  /** The newest state that the store kept. */
  last: { readonly state: DesiredState; readonly sequence: Sequence } | undefined;
  /** Puts that the store has not told to be applied, oldest first: leaving entries live until they are. */
  unapplied: { readonly sequence: Sequence; readonly derivedAt: number }[];
  /** Unix ms; strictly growing, so that a leaving entry's `since` tells in which put it came first. */
  derivedAt: number;
}

export const nothingRemembered = (): Remembered => ({ last: undefined, unapplied: [], derivedAt: 0 });

/** Now, or just after the last time this object was derived. */
export const nextDerivation = (remembered: Remembered, now: number): number =>
  Math.max(now, remembered.derivedAt + 1);

/** Takes leaving entries out that an applied put carried already; the store need not be told of them again. */
const withoutApplied = (state: DesiredState, appliedUntil: number): DesiredState => ({
  ...state,
  listeners: state.listeners.map((listener) => ({
    ...listener,
    backends: {
      ...listener.backends,
      leaving: listener.backends.leaving.filter(({ since }) => since > appliedUntil),
    },
  })),
});

/** An object that changes and is never applied; forgetting the oldest only keeps its leaving entries longer. */
const maxUnapplied = 256;

/** The store kept a state, and says what of this object it knows to be applied. */
export const keep = (
  remembered: Remembered,
  put: { readonly state: DesiredState; readonly sequence: Sequence; readonly derivedAt: number },
  applied: Sequence | undefined,
): void => {
  remembered.derivedAt = put.derivedAt;
  remembered.last = { state: put.state, sequence: put.sequence };
  remembered.unapplied.push({ sequence: put.sequence, derivedAt: put.derivedAt });
  if (remembered.unapplied.length > maxUnapplied) remembered.unapplied.shift();
  if (applied !== undefined) learnApplied(remembered, applied);
};

const learnApplied = (remembered: Remembered, applied: Sequence): void => {
  const newest = remembered.unapplied.findLast(({ sequence }) => sequence <= applied);
  if (newest === undefined) return;
  remembered.unapplied = remembered.unapplied.filter(({ sequence }) => sequence > applied);
  if (remembered.last !== undefined) {
    remembered.last = {
      ...remembered.last,
      state: withoutApplied(remembered.last.state, newest.derivedAt),
    };
  }
};

export const previousOf = ({ last, unapplied }: Remembered): Previous | undefined =>
  last === undefined ? undefined : { state: last.state, applied: unapplied.length === 0 };
