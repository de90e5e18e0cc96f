import { systemClock } from '../../shared/process/clock.ts';
import { createLog } from '../../shared/process/log.ts';
import { createMetrics } from '../../shared/process/metrics.ts';
import { listening as listens } from '../forwarder/cannot-listen.ts';
import { createDispatch } from '../forwarder/dispatch.ts';
import { startHealth } from '../forwarder/health.ts';
import { lookAtBacklog, lookAtProcess } from '../forwarder/looked-at.ts';
import { createChangeTimes, DueTimes, measuredFunctions, measuredStore } from '../forwarder/measured.ts';
import { functionParts } from './function-parts.ts';
import { createGateWatch } from './gate-watch.ts';
import { createFunctions } from './in-process.ts';
import { connect, endWhenTold, listening, settingsOf } from './program.ts';
import { openQueue } from './queue.ts';

/**
 * The functions as a Deployment of their own: the dispatcher, and the core in the same process. Several share the
 * work: who takes a load balancer holds it, and one of them reads health each second.
 */
const askEveryMs = 1_000;

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

const gates = createGateWatch({ store, functions, clock: systemClock, log });

const dispatch = createDispatch({
  ...settings.dispatch,
  askEveryMs,
  store,
  doorbell: queue.doorbell,
  functions,
  clock: systemClock,
  log,
  onReconciled: () => void gates.soon(),
});

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
            checks: { store: gates.storeAnswers, staying: () => !ending.signal.aborted },
            isLeading: () => false,
            metrics,
          }),
        ),
      );
log.info('Worker: takes what is due from the queue on Redis.', { clusterId: settings.policy.clusterId });
dispatch.start();
const watching = gates.watch(ending.signal);
endWhenTold(
  async () => {
    ending.abort();
    await Promise.all([dispatch.stop(), watching]);
    await health?.close();
    await queue.close();
  },
  { ...settings, log },
);
