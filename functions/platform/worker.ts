import { randomUUID } from 'node:crypto';
import { systemClock } from '../../shared/process/clock.ts';
import { createLog } from '../../shared/process/log.ts';
import { createMetrics } from '../../shared/process/metrics.ts';
import { listening as listens } from '../forwarder/cannot-listen.ts';
import { createDispatch } from '../forwarder/dispatch.ts';
import { startHealth } from '../forwarder/health.ts';
import { lookAtBacklog, lookAtProcess } from '../forwarder/looked-at.ts';
import { createChangeTimes, DueTimes, measuredFunctions, measuredStore } from '../forwarder/measured.ts';
import { functionParts } from './function-parts.ts';
import { createFunctions } from './in-process.ts';
import { connect, endWhenTold, listening, settingsOf } from './program.ts';
import { openQueue } from './queue.ts';
import { readUnheld } from './unheld-note.ts';

/**
 * The functions as a Deployment of their own: the dispatcher, and the core in the same process. Several share the
 * work: who takes a load balancer holds it, and one of them reads health each second.
 */
const askEveryMs = 1_000;
const readinessEveryMs = 1_000;
const soonMs = 250;

const settings = settingsOf('worker');
const log = createLog('clb-direct-worker', settings.logLevel);
const connection = await connect(settings.kubernetes);
const metrics = createMetrics();
const measuring = {
  metrics,
  clock: systemClock,
  changes: createChangeTimes(systemClock),
  dueTimes: new DueTimes(),
};
const queue = openQueue(settings.redis, log);
const store = measuredStore(queue.store, measuring);
const functions = measuredFunctions(
  createFunctions(functionParts(settings, store, connection, log)),
  measuring,
);
const ending = new AbortController();
let storeAnswers = false;

/** Health is read by whoever of us has the turn. */
const readGates = async (turn: string, forMs: number): Promise<void> => {
  try {
    const mine = await store.takeTurn(turn, forMs);
    storeAnswers = true;
    if (mine) await functions.readiness({ invocationId: randomUUID(), unheld: await readUnheld(store) });
  } catch (error) {
    storeAnswers = false;
    log.warn('Gates could not be seen to; they are within a second.', { error });
  }
};

const dispatch = createDispatch({
  ...settings.dispatch,
  askEveryMs,
  store,
  doorbell: queue.doorbell,
  functions,
  clock: systemClock,
  log,
  onReconciled: () => void readGates('readiness-soon', soonMs),
});

const watchGates = async (): Promise<void> => {
  while (!ending.signal.aborted) {
    await readGates('readiness', readinessEveryMs - 50);
    await systemClock.sleep(readinessEveryMs, ending.signal);
  }
};

metrics.onScrape(() => {
  lookAtBacklog(metrics, dispatch);
  lookAtProcess(metrics);
});
const { health: healthAddress } = settings;
const health =
  healthAddress === undefined
    ? undefined
    : await listening(
        listens('health', healthAddress, () =>
          startHealth({
            listen: healthAddress,
            checks: { store: () => storeAnswers, staying: () => !ending.signal.aborted },
            isLeading: () => false,
            metrics,
          }),
        ),
      );
log.info('Worker: takes what is due from the queue on Redis.', { clusterId: settings.policy.clusterId });
dispatch.start();
const watching = watchGates();
endWhenTold(
  async () => {
    ending.abort();
    await Promise.all([dispatch.stop(), watching]);
    await health?.close();
    await queue.close();
  },
  { ...settings, log },
);
