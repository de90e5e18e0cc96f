import type { Connection } from '../../shared/kubernetes/connection.ts';
import { holdLease, type LeaseHolder } from '../../shared/kubernetes/lease.ts';
import { createView } from '../../shared/kubernetes/view.ts';
import type { DeriveOptions } from '../../shared/model/claim.ts';
import type { Clock, Random } from '../../shared/model/clock.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { CommonSettings, KubernetesSettings } from '../../shared/process/config.ts';
import type { Log } from '../../shared/process/log.ts';
import { createMetrics, type Metrics } from '../../shared/process/metrics.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { Functions } from '../platform/functions.ts';
import { createUnheldNote } from '../platform/unheld-note.ts';
import type { ApiToken } from './api-token.ts';
import { listening } from './cannot-listen.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createDispatch } from './dispatch.ts';
import { createEvidence } from './evidence.ts';
import { createFeeder } from './feeder.ts';
import { type HealthServer, startHealth } from './health.ts';
import { createLeader } from './leader.ts';
import { lookAt } from './looked-at.ts';
import {
  createChangeTimes,
  DueTimes,
  measuredDoorbell,
  measuredFunctions,
  measuredReads,
  measuredStore,
} from './measured.ts';
import { createReadinessCalls } from './readiness-calls.ts';
import { UngatedPods } from './ungated.ts';
import { createUnheldGates } from './unheld-gates.ts';
import { WaitingPods } from './waiting-pods.ts';
import { ownerOptionsOf, readHolders, readPodsAt, startWatches } from './watches.ts';
import { startWebhook, type Webhook } from './webhook/webhook.ts';

export interface ForwarderDependencies {
  readonly connection: Connection;
  readonly settings: Omit<CommonSettings, 'logLevel' | 'exitWithParent'> & {
    readonly kubernetes: KubernetesSettings;
  };
  readonly store: Store;
  readonly doorbell: Doorbell;
  /** Absent: workers take what is due themselves. */
  readonly functions?: Functions;
  /** Absent: the functions reach the cluster by themselves. */
  readonly apiToken?: ApiToken;
  /** How often the store is asked what is due. */
  readonly askEveryMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Absent: one of its own, served where health is. */
  readonly metrics?: Metrics;
}

export interface Figures {
  readonly pods: number;
  readonly services: number;
  readonly endpointSlices: number;
  /** Invocations under way, and load balancers that wait for one. */
  readonly running: number;
  readonly waiting: number;
  /** Every object has been put by this leader. */
  readonly complete: boolean;
}

export interface Forwarder {
  /** Where health is served; undefined: nowhere. */
  readonly healthPort: number | undefined;
  /** Every watch has told all there is. */
  isSynced(): boolean;
  /** Holds the Lease, and is not about to end. */
  isLeading(): boolean;
  /** For the metrics. */
  figures(): Figures;
  /** Ends what runs, lets go of the Lease, stops watching. */
  stop(): Promise<void>;
}

/** So long may invocations under way delay the release of the Lease. */
const endMs = 10_000;
/** A leader whom a newer one refused asks for the Lease again after so long. */
const deposedMs = 2_000;

/**
 * The resident process in the cluster: watches and admits Pods, and while it holds the Lease puts and dispatches.
 *
 * @throws CannotListenError
 */
export const startForwarder = async (dependencies: ForwarderDependencies): Promise<Forwarder> => {
  const { connection, settings, apiToken, clock, random, log, metrics = createMetrics() } = dependencies;
  const measuring = { metrics, clock, changes: createChangeTimes(clock), dueTimes: new DueTimes() };
  const store = measuredStore(dependencies.store, measuring);
  const doorbell = measuredDoorbell(dependencies.doorbell, measuring);
  const functions = dependencies.functions && measuredFunctions(dependencies.functions, measuring);
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
    readHolders: () => readHolders(connection, ownerOptionsOf(settings.claim), ending.signal),
    clock,
    log,
  });
  const readiness =
    functions &&
    createReadinessCalls({
      functions,
      isWaiting: () => waiting.any,
      unheld: unheld.proven,
      clock,
      log,
    });
  const onPut = (state: DesiredState): void => {
    if (waiting.note(state)) readiness?.soon();
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
    onDeposed: () => {
      // By itself: it puts everything again in the epoch that it is beginning.
      if (!leader.isTakingOver()) void resign();
    },
    changes: measuring.changes,
    onStoreLost: () => {
      metrics.count('clb_direct_gaps_total', {});
      leader.takeOverAgain();
    },
    onPut,
  });
  const lookForEvidence = createEvidence({
    store,
    readPods: measuredReads((ips) => readPodsAt(connection, ips, ending.signal), measuring),
    answer: feeder.answer,
    clock,
    log,
  });
  const dispatch =
    functions &&
    createDispatch({
      ...settings.dispatch,
      askEveryMs: dependencies.askEveryMs,
      store,
      doorbell,
      functions,
      clock,
      log,
      onReconciled: () => {
        readiness?.now();
        void lookForEvidence();
      },
    });
  const watches = startWatches({
    connection,
    view,
    ownerOptions: ownerOptionsOf(settings.claim),
    clock,
    random,
    log,
    onChange: feeder.changed,
    onPod: (change) => {
      unheld.podChanged(change);
      if (change.type === 'gone') ungated.forget(change.uid);
    },
  });
  const tellWorkers = createUnheldNote(store);
  const deadLetters = createDeadLetters({ store, metrics, log });
  const leader = createLeader({
    store,
    catchUp: watches.catchUp,
    feeder,
    services: [dispatch ?? [], readiness ?? []].flat(),
    ...(apiToken === undefined ? {} : { apiToken }),
    lookForEvidence,
    lookForDeadLetters: deadLetters,
    lookForUnheld: async () => {
      const found = await unheld.look();
      if (readiness === undefined) await tellWorkers(unheld.proven());
      else if (found) readiness.now();
    },
    resyncMs: settings.resyncMs,
    clock,
    log,
  });

  let synced = false;
  let lease: LeaseHolder | undefined;
  const candidate = (): void => {
    const { namespace, leaseName, identity } = settings.kubernetes;
    lease = holdLease(connection, {
      namespace,
      name: leaseName,
      identity,
      clock,
      random,
      log,
      onAcquired: () => {
        log.info('Holds the Lease.', { identity });
        leader.begin();
      },
      onLost: () => {
        log.warn('The Lease is lost.', { identity });
        void leader.end();
      },
    });
  };
  /** Somebody led after us: the Lease is not ours, whatever we last read of it. */
  const resign = async (): Promise<void> => {
    const given = lease;
    lease = undefined;
    await Promise.all([leader.end(), given?.stop()]);
    await clock.sleep(deposedMs, ending.signal);
    if (!ending.signal.aborted && lease === undefined) candidate();
  };
  watches.synced.then(
    () => {
      synced = true;
      log.info('Synced.', { ...view.sizes() });
      if (!ending.signal.aborted) candidate();
    },
    () => undefined,
  );

  const isLeading = (): boolean => !ending.signal.aborted && lease?.held === true;
  const figures = (): Figures => ({
    ...view.sizes(),
    ...(dispatch?.load() ?? { running: 0, waiting: 0 }),
    complete: feeder.isComplete(),
  });
  metrics.onScrape(() => lookAt({ metrics, view, dispatch, feeder, watches, isLeading, synced, clock }));
  const { webhook: webhookSettings, health: healthAddress } = settings;
  let webhook: Webhook | undefined;
  let health: HealthServer | undefined;
  const stop = async (): Promise<void> => {
    ending.abort();
    const patience = new AbortController();
    await Promise.race([leader.end(), clock.sleep(endMs, patience.signal)]);
    patience.abort();
    await lease?.stop();
    // The webhook serves on for a while; until then the view must stay true.
    await webhook?.stop();
    await watches.stop();
    await health?.close();
    await doorbell.close();
  };
  try {
    if (webhookSettings !== undefined) {
      webhook = await listening('webhook', webhookSettings.listen, () =>
        startWebhook({
          connection,
          settings: webhookSettings,
          ownNamespace: settings.kubernetes.namespace,
          view,
          options,
          synced: watches.synced,
          metrics,
          clock,
          log,
        }),
      );
    }
    if (healthAddress !== undefined) {
      health = await listening('health', healthAddress, () =>
        startHealth({
          listen: healthAddress,
          checks: {
            synced: () => synced,
            ...(webhookSettings === undefined ? {} : { webhook: () => webhook?.isReady() ?? false }),
            staying: () => !ending.signal.aborted,
          },
          isLeading,
          metrics,
        }),
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    healthPort: health?.port,
    isSynced: () => synced,
    isLeading,
    figures,
    stop,
  };
};
