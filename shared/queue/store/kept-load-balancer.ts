import type { DesiredStateEvent } from '../../events/desired-state-event.ts';
import {
  type KeptState,
  type Lane,
  type LoadBalancerKey,
  lanes,
  type Sequence,
} from '../../model/desired-state.ts';
import type { Done, EvidenceWanted, Hold, RetryHow } from '../../model/hold.ts';
import { nothingRecorded, type Recorded } from '../../model/observed.ts';
import { type DeadLetter, type DueLoadBalancer, holdMs } from './store.ts';
import { readStored } from './stored-event.ts';

/** An event as the control of a load balancer knows it; its text is kept beside. */
export interface KeptEvent {
  readonly sequence: Sequence;
  /** The load balancer's `version` when it was put. */
  readonly version: number;
  /** Some Pod of it waits for its gate. */
  readonly waits: boolean;
}

interface DueMark {
  /** Unix ms; not before. */
  readonly at: number;
  /** Nothing but puts asked for it, so whoever is handed the states has all there is to it. */
  readonly onlyPuts: boolean;
}

export interface HoldMark {
  /** Tells this hold from every other. */
  readonly id: string;
  readonly owner: string;
  /** Unix ms. */
  until: number;
  /** What it was taken for, and due again for if it fails. */
  lane: Lane;
  /** The `version` up to which states were handed out. */
  handed: number;
  /** It was to read from the CLB, and has not yet recorded what it read. */
  owesObserve: boolean;
  readonly inherited: Hold['inherited'];
}

/** What a store keeps of one load balancer, beside the texts of its events. */
export interface KeptLoadBalancer {
  readonly key: LoadBalancerKey;
  /** By object UID, as all maps here. */
  readonly events: Map<string, KeptEvent>;
  readonly applied: Map<string, Sequence>;
  /** The last state of released objects, so that an older one that is still on its way comes to nothing. */
  readonly releasedAt: Map<string, Sequence>;
  readonly letters: Map<string, DeadLetter>;
  readonly evidence: Map<string, readonly EvidenceWanted[]>;
  /** Of one that was opened without it: `unread`. */
  recorded: Recorded;
  /** Counts the puts kept. */
  version: number;
  /** What is in the hands of who takes it, or timers that its `done` sets anew. */
  readonly due: Map<Lane, DueMark>;
  /** Unix ms; beside `due`, because only who takes it then ends it. */
  observeAt: number | undefined;
  observeNext: boolean;
  /** Unix ms; not due and not taken before, whatever is put. */
  strictUntil: number;
  hold: HoldMark | undefined;
  /** What the next hold inherits. */
  inherits: Hold['inherited'];
}

export const keepLoadBalancer = (key: LoadBalancerKey): KeptLoadBalancer => ({
  key,
  events: new Map(),
  applied: new Map(),
  releasedAt: new Map(),
  letters: new Map(),
  evidence: new Map(),
  recorded: nothingRecorded,
  version: 0,
  due: new Map(),
  observeAt: undefined,
  observeNext: false,
  strictUntil: 0,
  hold: undefined,
  inherits: 'first',
});

const urgent = (a: Lane, b: Lane): Lane => (lanes.indexOf(a) <= lanes.indexOf(b) ? a : b);

const mark = (kept: KeptLoadBalancer, lane: Lane, at: number, onlyPuts = false): void => {
  const before = kept.due.get(lane) ?? { at, onlyPuts };
  kept.due.set(lane, { at: Math.min(before.at, at), onlyPuts: before.onlyPuts && onlyPuts });
};

/** Nothing of it is worth keeping. */
export const isBlank = ({ events, releasedAt }: KeptLoadBalancer): boolean =>
  events.size === 0 && releasedAt.size === 0;

/** Stands for a record that was not read; must not be handed out. */
export const unread: Recorded = { ...nothingRecorded };

/** Marks it due from `now` on. */
export const markDue = (kept: KeptLoadBalancer, lane: Lane, now: number, observe = false): void => {
  mark(kept, lane, now);
  kept.observeNext ||= observe;
};

/** Ends the hold as expired. `at`: Unix ms. */
export const expireHold = (kept: KeptLoadBalancer, at: number): void => {
  if (kept.hold === undefined) return;
  mark(kept, kept.hold.lane, at);
  kept.hold = undefined;
  kept.inherits = 'expired';
};

/** The first line of every step: time may have ended the hold. */
export const settle = (kept: KeptLoadBalancer, now: number): void => {
  if (kept.hold !== undefined && kept.hold.until <= now) expireHold(kept, kept.hold.until);
};

/** Keeps the event if it is newer than all that is known of its object. Undefined: kept; else the newest known. */
export const put = (
  kept: KeptLoadBalancer,
  event: DesiredStateEvent,
  lane: Lane,
  now: number,
  waits: boolean,
): Sequence | undefined => {
  const { uid } = event.data.object;
  const newest = kept.events.get(uid)?.sequence ?? kept.releasedAt.get(uid);
  if (newest !== undefined && event.sequence <= newest) return newest;
  kept.version += 1;
  kept.events.set(uid, { sequence: event.sequence, version: kept.version, waits });
  kept.releasedAt.delete(uid);
  kept.evidence.delete(uid);
  kept.letters.delete(uid);
  mark(kept, lane, now, true);
  return undefined;
};

/**
 * The states that can be read, ordered by UID; one that cannot is a dead letter until somebody can: a newer build may.
 *
 * @param textOf what is kept of an object's event
 */
export const readStates = (
  kept: KeptLoadBalancer,
  textOf: (objectUid: string) => string | undefined,
  now: number,
): readonly KeptState[] => {
  const states: KeptState[] = [];
  const byUid = [...kept.events].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [uid, event] of byUid) {
    const { sequence } = event;
    const parsed = readStored(textOf(uid) ?? '');
    if (parsed.ok) {
      kept.letters.delete(uid);
      states.push({ sequence, state: parsed.event.data });
    } else if (!kept.letters.has(uid)) {
      const { reason } = parsed;
      kept.letters.set(uid, { loadBalancerKey: kept.key, objectUid: uid, sequence, reason, at: now });
    }
  }
  return states;
};

/** In which lane it is due now, and since when; undefined: it is not, or it is held. */
export const dueNow = (kept: KeptLoadBalancer, now: number): DueLoadBalancer | undefined => {
  if (kept.hold !== undefined || kept.events.size === 0 || now < kept.strictUntil) return undefined;
  for (const lane of lanes) {
    const marked = kept.due.get(lane)?.at ?? Number.POSITIVE_INFINITY;
    const at = lane === 'rest' ? Math.min(marked, kept.observeAt ?? marked) : marked;
    if (at <= now) return { loadBalancerKey: kept.key, lane, since: Math.max(at, kept.strictUntil) };
  }
  return undefined;
};

/** From when on it may be taken for each lane, Unix ms; while it is held that is when the hold ends, or later. */
export const dueTimes = (kept: KeptLoadBalancer): ReadonlyMap<Lane, number> => {
  const times = new Map<Lane, number>();
  if (kept.events.size === 0) return times;
  const notBefore = kept.hold?.until ?? kept.strictUntil;
  const add = (lane: Lane, at: number): void => {
    times.set(lane, Math.min(times.get(lane) ?? Number.POSITIVE_INFINITY, Math.max(notBefore, at)));
  };
  for (const [lane, { at }] of kept.due) add(lane, at);
  if (kept.observeAt !== undefined) add('rest', kept.observeAt);
  if (kept.hold !== undefined) add(kept.hold.lane, notBefore);
  return times;
};

/** When it is due next, Unix ms, or its hold ends; Infinity: never by itself. */
export const nextDueAt = (kept: KeptLoadBalancer): number => Math.min(...dueTimes(kept).values());

/** Takes the hold. What made it due is in the hands of who took it. */
export const take = (
  kept: KeptLoadBalancer,
  owner: string,
  id: string,
  now: number,
): HoldMark | 'held' | 'nothing' => {
  if (kept.events.size === 0) return 'nothing';
  if (kept.hold !== undefined || now < kept.strictUntil) return 'held';
  const timed = kept.observeAt !== undefined && kept.observeAt <= now;
  const hold: HoldMark = {
    id,
    owner,
    until: now + holdMs,
    lane: lanes.find((lane) => kept.due.has(lane)) ?? 'rest',
    handed: kept.version,
    owesObserve:
      kept.inherits !== 'released' || kept.observeNext || timed || kept.recorded.loadBalancer === undefined,
    inherited: kept.inherits,
  };
  kept.hold = hold;
  kept.due.clear();
  kept.observeNext = false;
  if (timed) kept.observeAt = undefined;
  return hold;
};

/** States came that were not handed out yet. */
export const hasNewer = (kept: KeptLoadBalancer, hold: HoldMark): boolean => kept.version !== hold.handed;

/** Renews the hold; true if states came that were not handed out: they are, from now on. */
export const renew = (kept: KeptLoadBalancer, hold: HoldMark, now: number): boolean => {
  hold.until = now + holdMs;
  if (!hasNewer(kept, hold)) return false;
  hold.handed = kept.version;
  for (const [lane, { onlyPuts }] of kept.due) {
    if (!onlyPuts) continue;
    hold.lane = urgent(hold.lane, lane);
    kept.due.delete(lane);
  }
  return true;
};

/**
 * The holder knows of no later states than those of `handed`: what was handed out since did not reach him, is not in
 * his hands, and is due if he ends without it.
 */
export const handBack = (kept: KeptLoadBalancer, hold: HoldMark, handed: number, now: number): void => {
  if (hold.handed <= handed) return;
  hold.handed = handed;
  mark(kept, hold.lane, now, true);
};

/** Forgets released objects of older epochs: what their last state would refuse is refused anyway. */
export const forgetReleased = (kept: KeptLoadBalancer, isOlder: (sequence: Sequence) => boolean): void => {
  for (const [uid, sequence] of kept.releasedAt) if (isOlder(sequence)) kept.releasedAt.delete(uid);
};

/** Undefined if something newer than what is in hand was put: that answers first. */
const inHand = (kept: KeptLoadBalancer, hold: HoldMark, uid: string): KeptEvent | undefined => {
  const event = kept.events.get(uid);
  return event !== undefined && event.version <= hold.handed ? event : undefined;
};

/** Drops what is released, unless a newer state than the one in hand was put. */
const release = (
  kept: KeptLoadBalancer,
  hold: HoldMark,
  uid: string,
  applied: Sequence | undefined,
): void => {
  const event = inHand(kept, hold, uid);
  if (event === undefined || (applied !== undefined && applied < event.sequence)) return;
  for (const map of [kept.events, kept.applied, kept.letters, kept.evidence]) map.delete(uid);
  kept.releasedAt.set(uid, event.sequence);
};

/** Ends the hold; everything in hand is applied. */
export const done = (kept: KeptLoadBalancer, hold: HoldMark, end: Done, now: number): void => {
  kept.hold = undefined;
  kept.inherits = 'released';
  for (const [uid, sequence] of Object.entries(end.applied)) {
    const event = kept.events.get(uid);
    if (event === undefined) continue;
    if (sequence > (kept.applied.get(uid) ?? '')) kept.applied.set(uid, sequence);
    // Handed out by a check, but not what was applied in the end.
    if (sequence < event.sequence) mark(kept, hold.lane, now, true);
  }
  for (const uid of end.released) release(kept, hold, uid, end.applied[uid]);
  if (end.dueAfterMs === undefined) {
    kept.observeNext ||= end.observeNext === true;
  } else if (end.observeNext === true) {
    kept.observeAt = Math.max(kept.observeAt ?? 0, now + end.dueAfterMs);
  } else {
    mark(kept, 'rest', now + end.dueAfterMs);
  }
  if (kept.events.size > 0) return;
  kept.recorded = nothingRecorded;
  kept.due.clear();
  kept.observeAt = undefined;
  kept.observeNext = false;
  kept.inherits = 'first';
};

/** Ends the hold; due again after `afterMs`. What it inherited, or did not read, the next one inherits. */
export const retry = (
  kept: KeptLoadBalancer,
  hold: HoldMark,
  afterMs: number,
  how: RetryHow,
  now: number,
): void => {
  kept.hold = undefined;
  kept.inherits = hold.inherited;
  kept.observeNext ||= hold.owesObserve || how.observeNext === true;
  mark(kept, hold.lane, now + afterMs);
  if (how.strict === true) kept.strictUntil = now + afterMs;
};

/** Keeps what was read back, and renews the hold. */
export const record = (kept: KeptLoadBalancer, hold: HoldMark, recorded: Recorded, now: number): void => {
  hold.until = now + holdMs;
  hold.owesObserve = false;
  kept.recorded = structuredClone(recorded);
};

export const askEvidence = (
  kept: KeptLoadBalancer,
  hold: HoldMark,
  uid: string,
  wanted: readonly EvidenceWanted[],
): void => {
  if (inHand(kept, hold, uid) === undefined) return;
  if (wanted.length === 0) kept.evidence.delete(uid);
  else kept.evidence.set(uid, structuredClone(wanted));
};

/** Lanes in their order, then the one that waits longest. */
export const byUrgency = (a: DueLoadBalancer, b: DueLoadBalancer): number =>
  lanes.indexOf(a.lane) - lanes.indexOf(b.lane) || a.since - b.since;
