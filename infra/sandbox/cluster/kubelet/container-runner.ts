import { randomUUID } from 'node:crypto';
import type { Guard } from '../../guard.ts';
import { programFile } from '../../program-files.ts';
import { imageNames, imageProgram } from '../images/table.ts';
import { type Container, type ContainerState, type ContainerStatus, timestamp } from '../objects.ts';
import { createBackOff } from './back-off.ts';
import { runCommand } from './command.ts';
import { type ContainerProcess, startContainerProcess } from './container-process.ts';
import type { Deadline } from './deadline.ts';
import { httpGet, type ProbeTarget, startProbe } from './probe.ts';

/** How the kubelet stand-in behaves in time; milliseconds. */
export interface KubeletTimes {
  /** From a Pod's binding until its containers start: network and image. */
  readonly podStartMs: number;
  readonly firstRestartBackOffMs: number;
  readonly lastRestartBackOffMs: number;
  readonly heartbeatMs: number;
}

export interface ContainerContext {
  readonly container: Container;
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  readonly target: ProbeTarget;
  readonly guard: Guard;
  readonly times: KubeletTimes;
  readonly programsDir: string | undefined;
  /** Something of {@link ContainerRunner.status} has changed. */
  readonly onChange: () => void;
  readonly onEvent: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
}

/** After the preStop hook a container has at least this long between SIGTERM and SIGKILL, as the kubelet grants. */
const leastTermMs = 2000;
const pullBackOffAfterMs = 1000;

/** One container of a Pod: started, probed, started again after a crash, and stopped in order. */
export class ContainerRunner {
  readonly #context: ContainerContext;
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: ContainerState = {};
  #ready = false;
  #started = false;
  #restarts = 0;
  #containerId: string | undefined;
  #process: ContainerProcess | undefined;
  #probes = new AbortController();
  #restartTimer: NodeJS.Timeout | undefined;
  #stopping = false;
  readonly #backOff;

  constructor(context: ContainerContext) {
    this.#context = context;
    this.#backOff = createBackOff(context.times.firstRestartBackOffMs, context.times.lastRestartBackOffMs);
  }

  get status(): ContainerStatus {
    const { name, image } = this.#context.container;
    return {
      name,
      image,
      imageID: this.#containerId === undefined ? '' : `sandbox://${image}`,
      ...(this.#containerId === undefined ? {} : { containerID: this.#containerId }),
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  get output(): string {
    return this.#process?.output() ?? '';
  }

  start(): void {
    const { container, target, guard, programsDir, onEvent } = this.#context;
    const image = imageProgram(container.image);
    if (image === undefined) {
      this.#failPull();
      return;
    }
    const command = image.runsCommand ? [...(container.command ?? []), ...(container.args ?? [])] : [];
    const process = startContainerProcess(
      programFile(image.program, programsDir),
      command,
      target.env,
      guard,
    );
    this.#process = process;
    this.#containerId = `sandbox://${randomUUID()}`;
    const startedAt = timestamp();
    this.#state = { running: { startedAt } };
    onEvent('Normal', 'Started', `Started container ${container.name}`);
    void process.exited.then((exit) => {
      if (this.#process !== process) return;
      this.#exited(exit.exitCode, exit.signal, startedAt);
    });
    this.#probe();
    this.#context.onChange();
  }

  /** preStop, SIGTERM, SIGKILL at the deadline; resolves when the process has ended. */
  async stop(deadline: Deadline): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const process = this.#process;
    if (process === undefined || this.#state.running === undefined) return;
    const { container, onEvent } = this.#context;
    onEvent('Normal', 'Killing', `Stopping container ${container.name}`);
    if (deadline.atMs > Date.now()) await this.#preStop(process, deadline);
    process.terminate();
    const cancel = deadline.onReached(() => process.kill(), Date.now() + leastTermMs);
    await process.exited;
    cancel();
  }

  /** At once, without any order: the sandbox closes. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    this.#probes.abort();
    this.#process?.kill();
  }

  async #preStop(process: ContainerProcess, deadline: Deadline): Promise<void> {
    const hook = this.#context.container.lifecycle?.preStop;
    if (hook === undefined) return;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const cancel = deadline.onReached(end);
    void process.exited.then(end);
    const { target, guard, container, onEvent } = this.#context;
    try {
      if (hook.exec?.command !== undefined) {
        const code = await runCommand(hook.exec.command, { env: target.env, guard, signal: ended.signal });
        if (code !== 0) {
          onEvent('Warning', 'FailedPreStopHook', `PreStopHook of ${container.name} ended with ${code}`);
        }
      } else if (hook.sleep !== undefined) {
        await untilAborted(ended.signal, hook.sleep.seconds * 1000);
      } else if (hook.httpGet !== undefined) {
        await httpGet(hook.httpGet, target, Math.max(1, deadline.atMs - Date.now()));
      }
    } finally {
      cancel();
    }
  }

  #probe(): void {
    this.#probes = new AbortController();
    const { signal } = this.#probes;
    const { container, target, onEvent, onChange } = this.#context;
    const { startupProbe, readinessProbe, livenessProbe } = container;
    const afterStartup = (): void => {
      this.#started = true;
      if (readinessProbe === undefined) this.#ready = true;
      else {
        startProbe(readinessProbe, target, signal, (success) => {
          if (!success) onEvent('Warning', 'Unhealthy', `Readiness probe of ${container.name} failed`);
          if (this.#ready === success) return;
          this.#ready = success;
          onChange();
        });
      }
      if (livenessProbe !== undefined) {
        startProbe(livenessProbe, target, signal, (success) => {
          if (success || this.#stopping) return;
          onEvent('Warning', 'Unhealthy', `Liveness probe of ${container.name} failed, it will be restarted`);
          this.#process?.kill();
        });
      }
    };
    if (startupProbe === undefined) {
      afterStartup();
      return;
    }
    startProbe(startupProbe, target, signal, (success) => {
      if (!success) this.#process?.kill();
      else if (!this.#started) {
        afterStartup();
        onChange();
      }
    });
  }

  #exited(exitCode: number, signal: number | undefined, startedAt: string): void {
    const { restartPolicy, onChange, onEvent, container } = this.#context;
    this.#probes.abort();
    this.#ready = false;
    this.#started = false;
    const terminated: ContainerState = {
      terminated: {
        exitCode,
        ...(signal === undefined ? {} : { signal }),
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt,
        finishedAt: timestamp(),
        ...(this.#containerId === undefined ? {} : { containerID: this.#containerId }),
      },
    };
    this.#state = terminated;
    const again = restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
    if (again && !this.#stopping) {
      const waitMs = this.#backOff.next(Date.now());
      if (waitMs > 0) {
        const message = `back-off ${Math.round(waitMs / 1000)}s restarting failed container=${container.name}`;
        this.#state = { waiting: { reason: 'CrashLoopBackOff', message } };
        this.#lastState = terminated;
        onEvent('Warning', 'BackOff', `Back-off restarting failed container ${container.name}`);
      }
      this.#restartTimer = setTimeout(() => {
        this.#lastState = terminated;
        this.#restarts += 1;
        this.start();
      }, waitMs);
    }
    onChange();
  }

  #failPull(): void {
    const { container, onChange, onEvent } = this.#context;
    const message = `image "${container.image}" is not in the sandbox's table: ${imageNames.join(', ')}`;
    this.#state = { waiting: { reason: 'ErrImagePull', message } };
    onEvent('Warning', 'Failed', `Failed to pull image "${container.image}": ${message}`);
    this.#restartTimer = setTimeout(() => {
      this.#state = {
        waiting: {
          reason: 'ImagePullBackOff',
          message: `Back-off pulling image "${container.image}": ${message}`,
        },
      };
      onChange();
    }, pullBackOffAfterMs);
    onChange();
  }
}

const untilAborted = (signal: AbortSignal, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
