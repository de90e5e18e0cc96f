import { createClb } from '../../shared/clb/clb.ts';
import { createClbApi } from '../../shared/clb/clb-api.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import { loadConnection } from '../../shared/kubernetes/load-connection.ts';
import { createObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import { systemClock } from '../../shared/process/clock.ts';
import {
  describeProblems,
  readSettings,
  type SettingProblem,
  type Settings,
  wrongSettingsExitCode,
} from '../../shared/process/config.ts';
import { createLog, type Log } from '../../shared/process/log.ts';
import { createMemoryDoorbell } from '../../shared/queue/doorbell/memory-doorbell.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import { CannotListenError, type Forwarder, startForwarder } from '../forwarder/forwarder.ts';
import { createFunctions } from './in-process.ts';
import { createLeadingStore } from './leading-store.ts';

/** Asking the memory store costs nothing: deadlines of drains are met as exactly. */
const askEveryMs = 100;
/** Whoever ends with its parent has nobody left to end well for. */
const orphanMs = 2_000;

const refuse = (problems: readonly SettingProblem[]): never => {
  process.stderr.write(describeProblems(problems));
  process.exit(wrongSettingsExitCode);
};

const settingsOf = (env: NodeJS.ProcessEnv): Settings => {
  const read = readSettings(env);
  return 'settings' in read ? read.settings : refuse(read.problems);
};

const connect = async (settings: Settings): Promise<Connection> => {
  const { source } = settings.kubernetes;
  try {
    return await loadConnection(source, systemClock.now);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return source.kind === 'kubeconfig'
      ? refuse([
          { name: 'KUBECONFIG', value: source.path, allowed: `a kubeconfig that can be used (${why})` },
        ])
      : refuse([
          { name: 'KUBERNETES_SERVICE_HOST', value: source.host, allowed: `a service account (${why})` },
        ]);
  }
};

/** Forwarder, memory store, memory doorbell and both functions, in this process. */
const start = async (settings: Settings, connection: Connection, log: Log): Promise<Forwarder> => {
  const clock = systemClock;
  const store = createMemoryStore({ clock });
  const api = createClbApi({
    region: settings.clb.region,
    endpoint: settings.clb.endpoint,
    protocol: `${settings.clb.protocol}:`,
    credentials: () => settings.clb.credentials,
    clock,
  });
  let forwarder: Forwarder | undefined;
  const functions = createFunctions({
    store: createLeadingStore(store, () => forwarder?.isLeading() ?? false),
    clb: createClb({
      api,
      pace: store.budget.ask,
      clock,
      clusterId: settings.policy.clusterId,
      ...(settings.clb.vpcId === undefined ? {} : { vpcId: settings.clb.vpcId }),
    }),
    writer: createObjectWriter(connection, { component: 'clb-direct', now: clock.now }),
    policy: settings.policy,
    gateType: settings.gateType,
    clock,
    log,
  });
  forwarder = await startForwarder({
    connection,
    settings,
    store,
    doorbell: createMemoryDoorbell(),
    functions,
    askEveryMs,
    clock,
    random: Math.random,
    log,
  });
  return forwarder;
};

const main = async (): Promise<void> => {
  const settings = settingsOf(process.env);
  const log = createLog('clb-direct', settings.logLevel);
  const connection = await connect(settings);
  log.info(
    'Standalone: forwarder, store, doorbell and functions in one process. The store is this process’s memory: what it loses when it ends is put again at the next start.',
    { clusterId: settings.policy.clusterId, identity: settings.kubernetes.identity },
  );
  const forwarder = await start(settings, connection, log).catch((error: unknown) => {
    if (!(error instanceof CannotListenError)) throw error;
    const { host, port } = error.address;
    const name = error.what === 'webhook' ? 'CLB_DIRECT_WEBHOOK_LISTEN' : 'CLB_DIRECT_HEALTH_LISTEN';
    return refuse([
      { name, value: `${host}:${port}`, allowed: `an address to listen on (${error.message})` },
    ]);
  });

  let ending = false;
  const end = (why: string): void => {
    if (ending) return;
    ending = true;
    log.info('Ends.', { why });
    forwarder.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('Did not end well.', { error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => end(signal));
  }
  if (settings.exitWithParent) {
    process.stdin.on('close', () => {
      end('stdin ended');
      setTimeout(() => process.exit(0), orphanMs).unref();
    });
    process.stdin.resume();
  }
};

await main();
