import type { Connection } from '../../shared/kubernetes/connection.ts';
import { loadConnection } from '../../shared/kubernetes/load-connection.ts';
import { systemClock } from '../../shared/process/clock.ts';
import {
  describeProblems,
  type KubernetesSettings,
  type Program,
  readSettings,
  type SettingProblem,
  type SettingsOf,
  wrongSettingsExitCode,
} from '../../shared/process/config.ts';
import type { Log } from '../../shared/process/log.ts';
import { CannotListenError } from '../forwarder/cannot-listen.ts';

/** Whoever ends with its parent has nobody left to end well for. */
const orphanMs = 2_000;

export const refuse = (problems: readonly SettingProblem[]): never => {
  process.stderr.write(describeProblems(problems));
  process.exit(wrongSettingsExitCode);
};

/** The settings of this process; with a wrong one it ends here. */
export const settingsOf = <P extends Program>(program: P): SettingsOf<P> => {
  const read = readSettings(process.env, program);
  return 'settings' in read ? read.settings : refuse(read.problems);
};

export const connect = async ({ source }: KubernetesSettings): Promise<Connection> => {
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

/** An address that cannot be listened on is a wrong setting. */
export const listening = <T>(starting: Promise<T>): Promise<T> =>
  starting.catch((error: unknown) => {
    if (!(error instanceof CannotListenError)) throw error;
    const { host, port } = error.address;
    const name = error.what === 'webhook' ? 'CLB_DIRECT_WEBHOOK_LISTEN' : 'CLB_DIRECT_HEALTH_LISTEN';
    return refuse([
      { name, value: `${host}:${port}`, allowed: `an address to listen on (${error.message})` },
    ]);
  });

/** Ends well when told to, and with its parent where asked. */
export const endWhenTold = (
  stop: () => Promise<void>,
  { exitWithParent, log }: { readonly exitWithParent: boolean; readonly log: Log },
): void => {
  let ending = false;
  const end = (why: string): void => {
    if (ending) return;
    ending = true;
    log.info('Ends.', { why });
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('Did not end well.', { error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  if (!exitWithParent) return;
  process.stdin.on('close', () => {
    end('stdin ended');
    setTimeout(() => process.exit(0), orphanMs).unref();
  });
  process.stdin.resume();
};
