import { createClb } from '../../shared/clb/clb.ts';
import { createClbApi } from '../../shared/clb/clb-api.ts';
import type { Clb } from '../../shared/clb/clb-port.ts';
import type { Pace } from '../../shared/clb/paced.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import type { ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import { createObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { Policy } from '../../shared/model/plan-types.ts';
import { systemClock } from '../../shared/process/clock.ts';
import {
  type ClbSettings,
  type CommonSettings,
  type Credentials,
  describeProblems,
  readCredentials,
  readSettings,
} from '../../shared/process/config.ts';
import { createLog, type Log } from '../../shared/process/log.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import { storedConnection } from './api-access.ts';
import { paceUntil } from './deadline.ts';
import type { Invocation } from './run.ts';

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

interface Made {
  /** @param pace asked before each call of the CLB API */
  parts(pace: Pace): FunctionParts;
}

/** Opens nothing yet; connections are kept from one use to the next. */
const make = (
  settings: Pick<CommonSettings, 'claim' | 'policy' | 'gateType'> & { readonly clb: ClbSettings },
  store: Store,
  connection: Connection,
  credentials: () => Credentials,
  log: Log,
): Made => {
  const { clb, policy, gateType } = settings;
  const clock = systemClock;
  const api = createClbApi({
    region: clb.region,
    endpoint: clb.endpoint,
    protocol: `${clb.protocol}:`,
    credentials,
    clock,
  });
  const writer = createObjectWriter(connection, {
    component: 'clb-direct',
    claim: settings.claim,
    now: clock.now,
  });
  return {
    parts: (pace) => ({
      store,
      clb: createClb({
        api,
        pace,
        clock,
        clusterId: policy.clusterId,
        ...(clb.vpcId === undefined ? {} : { vpcId: clb.vpcId }),
      }),
      writer,
      policy,
      gateType,
      clock,
      log,
    }),
  };
};

/**
 * The functions' parts in a process that no platform ends.
 *
 * @param store what holds and budget are taken from
 */
export const functionParts = (
  settings: Pick<CommonSettings, 'claim' | 'policy' | 'gateType'> & { readonly clb: ClbSettings },
  store: Store,
  connection: Connection,
  log: Log,
): FunctionParts =>
  make(settings, store, connection, () => readCredentials(process.env), log).parts(store.budget.ask);

/**
 * The functions' parts on a platform, kept from one invocation to the next.
 *
 * @returns the parts for one invocation
 * @throws Error when settings are missing or wrong: the platform reports it for each invocation
 */
export const partsFromEnvironment = (service: string): ((invocation: Invocation) => FunctionParts) => {
  const read = readSettings(process.env, 'function');
  if (!('settings' in read)) throw new Error(describeProblems(read.problems));
  const { settings } = read;
  const store = createRedisStore(settings.redis);
  const connection = storedConnection(store, settings.tokenKey, systemClock.now);
  let latest: Credentials | undefined;
  const made = make(
    settings,
    store,
    connection,
    () => latest ?? readCredentials(process.env),
    createLog(service, settings.logLevel),
  );
  return ({ deadlineAt, credentials }) => {
    // One event at a time: what is still under way of an earlier one may use the newer ones as well.
    latest = credentials;
    return made.parts(paceUntil(store.budget.ask, deadlineAt, systemClock));
  };
};
