import { createClb } from '../../shared/clb/clb.ts';
import { createClbApi } from '../../shared/clb/clb-api.ts';
import type { Clb } from '../../shared/clb/clb-port.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import type { ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import { createObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { Policy } from '../../shared/model/plan-types.ts';
import { systemClock } from '../../shared/process/clock.ts';
import {
  type ClbSettings,
  type CommonSettings,
  describeProblems,
  readClbCredentials,
  readSettings,
} from '../../shared/process/config.ts';
import { createLog, type Log } from '../../shared/process/log.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import { storedConnection } from './api-access.ts';

/** Everything that both functions are made of. */
export interface FunctionParts {
  readonly store: Store;
  readonly clb: Clb;
  readonly writer: ObjectWriter;
  readonly policy: Policy;
  readonly gateType: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Puts the functions' parts together; opens nothing yet.
 *
 * @param store what holds and budget are taken from
 */
export const functionParts = (
  settings: Pick<CommonSettings, 'policy' | 'gateType'> & { readonly clb: ClbSettings },
  store: Store,
  connection: Connection,
  log: Log,
): FunctionParts => {
  const { clb, policy, gateType } = settings;
  const clock = systemClock;
  const api = createClbApi({
    region: clb.region,
    endpoint: clb.endpoint,
    protocol: `${clb.protocol}:`,
    credentials: () => readClbCredentials(process.env),
    clock,
  });
  return {
    store,
    clb: createClb({
      api,
      pace: store.budget.ask,
      clock,
      clusterId: policy.clusterId,
      ...(clb.vpcId === undefined ? {} : { vpcId: clb.vpcId }),
    }),
    writer: createObjectWriter(connection, { component: 'clb-direct', now: clock.now }),
    policy,
    gateType,
    clock,
    log,
  };
};

/**
 * The parts of a function on a platform, kept from one invocation to the next.
 *
 * @throws Error when settings are missing or wrong: the platform reports it for each invocation
 */
export const partsFromEnvironment = (service: string): FunctionParts => {
  const read = readSettings(process.env, 'function');
  if (!('settings' in read)) throw new Error(describeProblems(read.problems));
  const { settings } = read;
  const store = createRedisStore(settings.redis);
  const connection = storedConnection(store, settings.tokenKey, systemClock.now);
  return functionParts(settings, store, connection, createLog(service, settings.logLevel));
};
