import { systemClock } from '../../shared/process/clock.ts';
import { readCredentials } from '../../shared/process/config.ts';
import { createLog } from '../../shared/process/log.ts';
import type { Functions } from '../platform/functions.ts';
import { invokeLambda } from '../platform/invoke/lambda.ts';
import { invokeScf } from '../platform/invoke/scf.ts';
import { connect, endWhenTold, listening, settingsOf } from '../platform/program.ts';
import { openQueue } from '../platform/queue.ts';
import { createApiToken } from './api-token.ts';
import { startForwarder } from './forwarder.ts';

/** What a lost ring costs; what comes due by itself is asked for at its time. */
const askEveryMs = 1_000;

const settings = settingsOf('forwarder');
const { platform, token } = settings.functions;
const log = createLog('clb-direct-forwarder', settings.logLevel);
const connection = await connect(settings.kubernetes);
const { store, doorbell, close } = openQueue(settings.redis, log);

const functions: Functions | undefined =
  platform === 'lambda'
    ? invokeLambda(settings.functions)
    : platform === 'scf'
      ? invokeScf(settings.functions, () => readCredentials(process.env))
      : undefined;
log.info('Forwarder: the queue is on Redis.', {
  clusterId: settings.policy.clusterId,
  identity: settings.kubernetes.identity,
  functions: platform,
});
const forwarder = await listening(
  startForwarder({
    connection,
    settings,
    store,
    doorbell,
    ...(functions === undefined ? {} : { functions }),
    ...(token === undefined
      ? {}
      : {
          apiToken: createApiToken({
            connection,
            store,
            namespace: settings.kubernetes.namespace,
            ...token,
            clock: systemClock,
            log,
          }),
        }),
    askEveryMs,
    clock: systemClock,
    random: Math.random,
    log,
  }),
);
endWhenTold(
  async () => {
    await forwarder.stop();
    await close();
  },
  { ...settings, log },
);
