import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { epochOf, formatSequence } from '../../shared/events/sequence.ts';
import { laneOf, sameContent } from '../../shared/model/changes.ts';
import { belongsBehind, type DeriveOptions } from '../../shared/model/claim.ts';
import type { Clock } from '../../shared/model/clock.ts';
import { desiredState } from '../../shared/model/derive.ts';
import type { DesiredState, Lane } from '../../shared/model/desired-state.ts';
import { withEvidence } from '../../shared/model/evidence.ts';
import type { PodFact } from '../../shared/model/facts.ts';
import type { EvidenceWanted } from '../../shared/model/hold.ts';
import type { View } from '../../shared/model/view.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import type { PutAnswer, Store } from '../../shared/queue/store/store.ts';
import type { ChangeTimes } from './measured.ts';
import { keep, nextDerivation, nothingRemembered, previousOf, type Remembered } from './remembered.ts';
import { createTerm, type Term, type TermStart } from './term.ts';
import { createWorkQueue } from './work-queue.ts';

/** A burst is coalesced for so long, at most. */
export const coalesceMs = 100;
const putsSideBySide = 8;
/** After a cleaned object is let go, the function that cleaned it still has to tell the store. */
const confirmReleaseMs = 2_000;

/** A list that was read consistently, to answer a planner that asked (law L5). */
export interface Evidence {
  readonly wanted: readonly EvidenceWanted[];
  readonly pods: readonly PodFact[];
}

export interface FeederDependencies {
  readonly view: View;
  readonly store: Pick<Store, 'put' | 'complete' | 'loadBalancers'>;
  readonly doorbell: Pick<Doorbell, 'ring'>;
  readonly options: DeriveOptions;
  /** Names the cluster in events. */
  readonly source: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Somebody leads with a newer epoch: nothing is put any more, until it is told to lead again. */
  readonly onDeposed: () => void;
  /** The store is another one than before, or short of puts: take over again, so that everything is put (law L3). */
  readonly onStoreLost: () => void;
  readonly changes: Pick<ChangeTimes, 'changed' | 'begun' | 'settled'>;
  /** The store kept a state. */
  readonly onPut: (state: DesiredState) => void;
}

/** Turns changed facts into desired states in the store. */
export interface Feeder {
  /** The facts of these Services changed. `urgent`: at once, else within 100 ms. */
  changed(serviceUids: Iterable<string>, urgent: boolean): void;
  /** From now on puts, beginning with every object there is. */
  lead(start: TermStart): void;
  /** Puts nothing any more; what it knows stays known. */
  stop(): void;
  /** Puts the object again, with what a consistent list says about the targets asked for. */
  answer(objectUid: string, evidence: Evidence): void;
  /** Every object that it knows, also those that only the store still has. */
  objects(): ReadonlySet<string>;
  /** The generation that the store had last; undefined while not leading. */
  generation(): string | undefined;
  /** Every object has been put in this epoch, and the store told so. */
  isComplete(): boolean;
}

interface Entry extends Remembered {
  /** Put even if equal: a new epoch or generation. */
  force: boolean;
  evidence: Evidence | undefined;
  /** Unix ms since when it wants nothing and shows nothing of ours. */
  freeSince: number | undefined;
}

const counterOf = (sequence: string): number => Number(sequence.slice(sequence.indexOf('.') + 1));

const wantsNothing = (state: DesiredState): boolean =>
  (state.intent === 'release' || state.intent === 'skip') && !state.finalizer;

export const createFeeder = (dependencies: FeederDependencies): Feeder => {
  const { view, store, doorbell, options, source, clock, log, onDeposed, onStoreLost, onPut } = dependencies;
  const { changes } = dependencies;
  const entries = new Map<string, Entry>();
  let term: Term | undefined;

  const entryOf = (uid: string): Entry => {
    const entry = entries.get(uid) ?? {
      ...nothingRemembered(),
      force: false,
      evidence: undefined,
      freeSince: undefined,
    };
    entries.set(uid, entry);
    return entry;
  };

  const work = async (uid: string): Promise<void> => {
    const current = term;
    if (current === undefined) return;
    const entry = entryOf(uid);
    const asked = { force: entry.force, evidence: entry.evidence };
    entry.force = false;
    entry.evidence = undefined;
    changes.begun(uid);
    try {
      await derive(uid, entry, current, asked);
      current.hasPut(uid);
      changes.settled(uid);
    } catch (error) {
      entry.force ||= asked.force;
      entry.evidence ??= asked.evidence;
      throw error;
    } finally {
      if (entry.last === undefined && !entry.force && entry.evidence === undefined) entries.delete(uid);
    }
  };

  const queue = createWorkQueue({
    clock,
    sideBySide: putsSideBySide,
    work,
    onFailure: (uid, error, pauseMs) =>
      log.warn('A desired state could not be put; it is tried again.', { uid, error, pauseMs }),
  });

  const derive = async (
    uid: string,
    entry: Entry,
    current: Term,
    asked: { readonly force: boolean; readonly evidence: Evidence | undefined },
  ): Promise<void> => {
    const derivedAt = nextDerivation(entry, clock.now());
    const previous = previousOf(entry);
    const plain = desiredState(view, uid, previous, options, derivedAt);
    if (plain === undefined) {
      entry.last = undefined;
      entry.unapplied = [];
      return;
    }
    const { evidence } = asked;
    const state =
      evidence === undefined
        ? plain
        : withEvidence(plain, evidence.wanted, evidence.pods, belongsBehind(view, uid), derivedAt);
    if (!asked.force && evidence === undefined && previous !== undefined) {
      if (await isSettled(uid, entry, previous.state, state)) return;
    }
    await put(uid, entry, current, {
      state,
      derivedAt,
      lane: laneOf(asked.force ? undefined : previous?.state, state),
    });
  };

  /**
   * Nothing to tell the store. A cleaned object shows itself without our finalizer, which is no reason to put once
   * more; unless somebody else took the finalizer off, and the store still keeps the state.
   */
  const isSettled = async (
    uid: string,
    entry: Entry,
    before: DesiredState,
    state: DesiredState,
  ): Promise<boolean> => {
    const same = sameContent(before, state);
    if (!wantsNothing(state) || before.intent !== state.intent) {
      entry.freeSince = undefined;
      return same;
    }
    const now = clock.now();
    entry.freeSince ??= now;
    if (now < entry.freeSince + confirmReleaseMs) {
      queue.add(uid, entry.freeSince + confirmReleaseMs, false);
      return true;
    }
    entry.freeSince = undefined;
    if ((await store.loadBalancers()).includes(state.loadBalancerKey)) return same;
    entry.last = undefined;
    entry.unapplied = [];
    return true;
  };

  const put = async (
    uid: string,
    entry: Entry,
    current: Term,
    next: { readonly state: DesiredState; readonly derivedAt: number; readonly lane: Lane },
  ): Promise<void> => {
    const { state, derivedAt, lane } = next;
    const sequence = formatSequence(current.epoch, current.nextCounter());
    const isCounted = current.sending();
    const event = makeDesiredStateEvent({ source, sequence, timeMs: clock.now(), state });
    const answer = await store.put(event, lane);
    if (answer.outcome === 'refused') {
      refused(uid, entry, current, answer);
      return;
    }
    // Whoever replays a run reads this line: see infra/cli/replay.
    log.debug('desired state put', { event });
    keep(entry, { state, sequence, derivedAt }, answer.applied);
    onPut(state);
    if (term === current && !isCounted(answer)) {
      log.warn('The store has lost puts; everything is put again.', { generation: answer.generation });
      onStoreLost();
    }
    doorbell.ring([{ loadBalancerKey: state.loadBalancerKey, lane }]).catch((error: unknown) => {
      log.warn('The doorbell did not ring; the store is asked within a second.', { error });
    });
  };

  const refused = (
    uid: string,
    entry: Entry,
    current: Term,
    answer: Extract<PutAnswer, { outcome: 'refused' }>,
  ): void => {
    if (term !== current) return;
    if (epochOf(answer.newest) > current.epoch) {
      log.warn('A newer leader has taken over.', { epoch: current.epoch, newest: answer.newest });
      stop();
      onDeposed();
      return;
    }
    // An earlier try of ours was kept though its answer was lost.
    current.skipTo(counterOf(answer.newest));
    entry.force = true;
    queue.add(uid, clock.now(), true);
  };

  const objects = (): Set<string> => {
    const uids = new Set(entries.keys());
    for (const { ref } of view.services()) uids.add(ref.uid);
    for (const { ref } of view.ingresses()) uids.add(ref.uid);
    return uids;
  };

  const stop = (): void => {
    term?.end();
    term = undefined;
    queue.clear();
  };

  return {
    changed: (serviceUids, urgent) => {
      if (term === undefined) return;
      const at = clock.now() + (urgent ? 0 : coalesceMs);
      for (const uid of serviceUids) {
        changes.changed(uid);
        queue.add(uid, at, urgent);
      }
    },
    lead: (start) => {
      stop();
      const uids = objects();
      term = createTerm(start, uids, { store, clock, log });
      log.info('Leads; every object is put.', { epoch: start.epoch, objects: uids.size });
      for (const uid of uids) {
        entryOf(uid).force = true;
        queue.add(uid, clock.now(), false);
      }
    },
    stop,
    answer: (objectUid, evidence) => {
      if (term === undefined) return;
      entryOf(objectUid).evidence = evidence;
      queue.add(objectUid, clock.now(), true);
    },
    objects,
    generation: () => term?.generation,
    isComplete: () => term?.isComplete() ?? false,
  };
};
