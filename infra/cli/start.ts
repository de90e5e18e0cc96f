import { randomInt } from 'node:crypto';
import { Command, Option } from 'commander';
import { isStrict } from '../sandbox/clb/settings.ts';
import { type ClusterKind, clusterKinds } from '../sandbox/cluster/cluster.ts';
import { NoControlPlane } from '../sandbox/control-plane/assets.ts';
import { seededRandom } from '../sandbox/random.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { deployGuide, guide, type RollOptions, rollUnderLoad } from '../sandbox/scenario/rolling-update.ts';
import { NotInTime, Run } from '../sandbox/scenario/run.ts';
import { podsOfOneSession } from '../sandbox/scenario/sessions.ts';
import { isLossless, type Summary } from '../sandbox/scenario/summary.ts';
import { createDisplay, type Display, urlOf } from '../sandbox/screen/display.ts';
import { listenToKeys } from '../sandbox/screen/keys.ts';
import { summaryText } from '../sandbox/screen/summary-text.ts';
import { type Platform, platforms } from '../sandbox/system/system.ts';
import { positiveNumber, wholeNumber } from './arguments.ts';
import { chooseCluster, choosePlatform, NoRedis } from './choose.ts';
import { compare } from './compare.ts';
import { openHistory } from './history-file.ts';

interface StartFlags {
  readonly once?: boolean;
  readonly platform?: Platform;
  readonly cluster?: ClusterKind;
  readonly json?: boolean;
  readonly withoutGate?: boolean;
  readonly nodePort?: boolean;
  readonly sessions?: boolean;
  readonly compare?: boolean;
  readonly idle?: boolean;
  readonly speed: number;
  readonly seed?: number;
  readonly killForwarder?: RollOptions['killForwarderAt'] | true;
  readonly history?: string;
}

/** Somebody asked it to end before it had an answer. */
class Stopped extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('stopped');
    this.exitCode = exitCode;
  }
}

const keysWhileRolling = 'k kill the forwarder   q stop';
const keys = `r roll again   ${keysWhileRolling}`;

/** Who waits for the next thing a person asks for. */
class Requests {
  readonly #run: Run;
  #rollAgain: (() => void) | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  roll(): void {
    this.#rollAgain?.();
  }

  /** Resolves when another rollout is asked for; rejects when the run is given up. */
  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#run;
      const abandon = (): void => reject(signal.reason);
      if (signal.aborted) abandon();
      signal.addEventListener('abort', abandon, { once: true });
      this.#rollAgain = () => {
        signal.removeEventListener('abort', abandon);
        this.#rollAgain = undefined;
        resolve();
      };
    });
  }
}

/** What a person may do now, in another terminal. */
const invitation = (sandbox: Sandbox, address: string | undefined): string[] => [
  '',
  'In another terminal:',
  ...(address === undefined ? [] : [`  curl ${urlOf(sandbox.addresses.socketOf(address, 80))}`]),
  `  export KUBECONFIG=${sandbox.kubeconfigFile}`,
  '  kubectl get pods -o wide',
];

const strictSaid = 'the CLB is as hard as it can be in what nobody has verified (CLB_SETTINGS=strict)';

/** One run from the start of the sandbox to its end. Resolves with the exit code. */
class Start {
  readonly #flags: StartFlags;
  readonly #run = new Run();
  readonly #requests = new Requests(this.#run);
  readonly #display: Display;
  readonly #seed: number;
  readonly #historyFile: ReturnType<typeof openHistory>;
  #sandbox: Sandbox | undefined;
  #version = 1;
  /** What the last rollout came to; undefined: none has ended. */
  #summary: Summary | undefined;

  constructor(flags: StartFlags) {
    this.#flags = flags;
    this.#seed = flags.seed ?? randomInt(2 ** 31);
    this.#historyFile = openHistory(
      { command: 'start', options: { ...flags }, seed: this.#seed },
      flags.history,
    );
    this.#run.history.on((event) => this.#historyFile.add(event));
    const gate = flags.withoutGate ? ', without the readiness gate' : '';
    const where = flags.cluster === 'control-plane' ? ' on a real control plane' : '';
    const way = flags.nodePort ? ' by way of node ports' : '';
    const speed = flags.speed === 1 ? '' : `, CLB ${flags.speed} times as fast`;
    this.#display = createDisplay({
      run: this.#run,
      out: flags.json ? process.stderr : process.stdout,
      title: `clb-direct: a rolling update under load${where}${way}${gate}${speed}`,
      service: guide.service,
      keys: keysWhileRolling,
      socketOf: (ip, port) => this.#sandbox?.addresses.socketOf(ip, port),
    });
  }

  async run(): Promise<number> {
    const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
    for (const [signal, exitCode] of Object.entries(signals)) {
      process.on(signal, () => this.#run.giveUp(new Stopped(exitCode)));
    }
    const restoreKeys = this.#flags.json ? () => undefined : listenToKeys((key) => this.#press(key));
    process.on('message', (message) => {
      if (message === 'restart-system') {
        for (const kept of this.#sandbox?.system.processes ?? []) kept.kill('SIGTERM');
      }
    });
    let exitCode: number;
    try {
      if (!this.#flags.json) this.#display.screen();
      await this.#all();
      exitCode = this.#exitCode();
    } catch (error) {
      exitCode = this.#failed(error);
    } finally {
      restoreKeys();
      this.#display.close();
    }
    await this.#sandbox?.close();
    this.#tellHistory();
    return exitCode;
  }

  async #all(): Promise<void> {
    const { history, signal } = this.#run;
    const { platform, redisUrl, said } = choosePlatform(this.#flags.platform);
    const tell = (text: string): void => history.add({ type: 'stage', stage: 'starting', text });
    tell(said);
    const startOnCluster = await chooseCluster(this.#flags.cluster, tell, signal);
    const sandbox = await startOnCluster({
      platform,
      ...(redisUrl === undefined ? {} : { redisUrl }),
      onFunction: (change) => history.add({ type: 'function', ...change }),
      speed: this.#flags.speed,
      gate: this.#flags.withoutGate !== true,
      random: seededRandom(this.#seed),
      // What was put stands in the log at this level only; a replay needs it.
      systemEnv: { CLB_DIRECT_LOG_LEVEL: 'DEBUG' },
      onSystemProcess: (change) => history.add({ type: 'process', ...change }),
      onSystemLine: (line, from) => history.add({ type: 'log', from, line }),
    });
    this.#sandbox = sandbox;
    if (isStrict(sandbox.clb.settings)) tell(strictSaid);
    await deployGuide(sandbox, this.#run, { way: this.#flags.nodePort ? 'node-port' : 'direct' });
    if (!this.#flags.idle) await this.#roll(sandbox);
    if (this.#flags.once) return;
    for (;;) {
      this.#display.lines();
      this.#display.say([
        ...invitation(sandbox, this.#run.state.address),
        ...(process.stdin.isTTY ? ['', keys] : []),
        '',
      ]);
      await this.#requests.next();
      this.#display.screen();
      await this.#roll(sandbox);
    }
  }

  async #roll(sandbox: Sandbox): Promise<void> {
    this.#version += 1;
    const { killForwarder } = this.#flags;
    const rolled = await rollUnderLoad(sandbox, this.#run, `v${this.#version}`, {
      ...(killForwarder === undefined
        ? {}
        : { killForwarderAt: killForwarder === true ? 'deleting' : killForwarder }),
    });
    const summary = this.#flags.sessions
      ? { ...rolled, podsOfOneSession: await podsOfOneSession(sandbox, this.#run) }
      : rolled;
    this.#summary = this.#summary !== undefined && !isLossless(this.#summary) ? this.#summary : summary;
    this.#display.lines();
    this.#display.say(['', ...summaryText(summary, this.#display.styles)]);
    if (this.#flags.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  }

  #press(key: string): void {
    if (key === 'q')
      this.#run.giveUp(new Stopped(this.#summary === undefined && !this.#flags.idle ? 130 : 0));
    else if (key === 'k') void this.#sandbox?.system.leader().then((leader) => leader.kill('SIGKILL'));
    else if (key === 'r') this.#requests.roll();
  }

  #exitCode(): number {
    return this.#summary === undefined || isLossless(this.#summary) ? 0 : 1;
  }

  #failed(error: unknown): number {
    this.#display.lines();
    if (error instanceof Stopped) {
      // Stopped after a rollout that has ended: what that came to is the answer.
      const asked = error.exitCode === 130 || error.exitCode === 0;
      return this.#summary !== undefined && asked ? this.#exitCode() : error.exitCode;
    }
    const text =
      error instanceof NotInTime || error instanceof NoRedis || error instanceof NoControlPlane
        ? error.message
        : error instanceof Error
          ? error.stack
          : error;
    process.stderr.write(`${text}\n`);
    return 1;
  }

  #tellHistory(): void {
    this.#historyFile.close();
    const { path } = this.#historyFile;
    if (path === undefined) return;
    process.stderr.write(`History of this run: ${path}\nTo step through it: npm run replay -- ${path}\n`);
  }
}

export const startCommand = (): Command =>
  new Command('start')
    .summary('a rolling update under load, on this machine')
    .description(
      'Starts a cluster, a CLB and clb-direct, applies the guide’s Deployment and Service, and rolls the Deployment to a new version under load. Then it stays up: r rolls again, k kills the forwarder, q stops.',
    )
    .option('--once', 'end after the rollout; exit code 0 only if nothing failed')
    .option('--json', 'progress on stderr, and one JSON object as the last line on stdout')
    .option('--without-gate', 'the same without the readiness gate: see what it is for')
    .option('--speed <n>', 'divides the times that the real CLB takes', positiveNumber, 1)
    .option('--seed <n>', 'draws the CLB’s times from this seed', wholeNumber(0))
    .addOption(
      new Option('--kill-forwarder [when]', 'kill -9 it in the middle of the rollout')
        .choices(['rolling', 'containers-ready', 'deleting'])
        .preset('deleting'),
    )
    .addOption(
      new Option(
        '--platform <where>',
        'where the functions run (default: scf where there is a Redis, else standalone)',
      ).choices([...platforms]),
    )
    .addOption(
      new Option(
        '--cluster <which>',
        'the sandbox’s own API server and controllers, or Kubernetes’ own programs, which are built once (about five minutes, with Go); see `clb-direct control-plane`',
      ).choices([...clusterKinds]),
    )
    .option('--node-port', 'by way of node ports, the guide’s default, instead of straight to Pods')
    .option('--sessions', 'look at session persistence after the rollout, too')
    .addOption(
      new Option(
        '--compare',
        'direct, direct without the gate and by way of node ports, side by side (default platform: standalone)',
      ).conflicts(['withoutGate', 'nodePort', 'idle', 'killForwarder', 'history', 'cluster']),
    )
    .option('--idle', 'deploy and stay up, but roll only when asked')
    .option('--history <file>', 'write the history here (default: a new file below .clb-direct/history)')
    .addHelpText(
      'after',
      '\nExit code 1: requests were lost, or a step did not come about.\n`npm run replay -- FILE` steps through the history of a run.',
    )
    .action(async (flags: StartFlags) => {
      process.exit(await (flags.compare ? compare(flags) : new Start(flags).run()));
    });
