import type { Connection } from '../../shared/kubernetes/connection.ts';
import { createView } from '../../shared/kubernetes/view.ts';
import type { Clock, Random } from '../../shared/model/clock.ts';
import type { DeriveOptions } from '../../shared/model/derive.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { Settings } from '../../shared/process/config.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { Functions } from '../platform/functions.ts';
import { createDispatch } from './dispatch.ts';
import { createEvidence } from './evidence.ts';
import { createFeeder } from './feeder.ts';
import { createLeader } from './leader.ts';
import { createReadinessCalls } from './readiness-calls.ts';
import { UngatedPods } from './ungated.ts';
import { createUnheldGates } from './unheld-gates.ts';
import { WaitingPods } from './waiting-pods.ts';
import { readPodsAt, readServices, startWatches } from './watches.ts';

export interface ForwarderDependencies {
  readonly connection: Connection;
  readonly settings: Pick<
    Settings,
    'claim' | 'gateType' | 'requireEni' | 'policy' | 'kubernetes' | 'dispatch' | 'resyncMs'
  >;
  readonly store: Store;
  readonly doorbell: Doorbell;
  readonly functions: Functions;
  /** How often the store is asked what is due. */
  readonly askEveryMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Forwarder {
  /** Every watch has told all there is. */
  isSynced(): boolean;
  /** Holds the Lease, and is not about to end. */
  isLeading(): boolean;
  /** Ends what runs, lets go of the Lease, stops watching. */
  stop(): Promise<void>;
}

/** So long may invocations under way delay the release of the Lease. */
const endMs = 10_000;

/** The resident process in the cluster: watches, and while it holds the Lease puts and dispatches. */
export const startForwarder = (dependencies: ForwarderDependencies): Forwarder => {
  const { connection, settings, store, doorbell, functions, clock, random, log } = dependencies;
  const options: DeriveOptions = {
    claim: settings.claim,
    gateType: settings.gateType,
    requireEni: settings.requireEni,
  };
  const ending = new AbortController();
  const view = createView(() => clock.now());
  const waiting = new WaitingPods();
  const ungated = new UngatedPods(log);
  const unheld = createUnheldGates({
    view,
    options,
    readServices: () => readServices(connection, ending.signal),
    clock,
    log,
  });
  const readiness = createReadinessCalls({
    functions,
    isWaiting: () => waiting.any,
    unheld: unheld.proven,
    clock,
    log,
  });
  const onPut = (state: DesiredState): void => {
    if (waiting.note(state)) readiness.soon();
    ungated.note(state);
  };
  const feeder = createFeeder({
    view,
    store,
    doorbell,
    options,
    source: settings.policy.clusterId,
    clock,
    log,
    onDeposed: () => lease.resign(),
    onStoreLost: () => leader.takeOverAgain(),
    onPut,
  });
  const lookForEvidence = createEvidence({
    store,
    readPods: (ips) => readPodsAt(connection, ips, ending.signal),
    answer: feeder.answer,
    clock,
    log,
  });
  const dispatch = createDispatch({
    ...settings.dispatch,
    askEveryMs: dependencies.askEveryMs,
    store,
    doorbell,
    functions,
    clock,
    log,
    onReconciled: () => {
      readiness.now();
      void lookForEvidence();
    },
  });
  const watches = startWatches({
    connection,
    view,
    clock,
    random,
    log,
    onChange: feeder.changed,
    onPod: (change) => {
      unheld.podChanged(change);
      if (change.type === 'gone') ungated.forget(change.uid);
    },
  });
  const leader = createLeader({
    store,
    catchUp: watches.catchUp,
    feeder,
    dispatch,
    readiness,
    lookForEvidence,
    lookForUnheld: unheld.look,
    resyncMs: settings.resyncMs,
    clock,
    log,
  });
};
