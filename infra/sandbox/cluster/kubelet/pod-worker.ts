import { isDeepStrictEqual } from 'node:util';
import type { Addresses } from '../../addresses.ts';
import type { Guard } from '../../guard.ts';
import type { Client } from '../client.ts';
import type { EventRecorder } from '../event-recorder.ts';
import { imageProgram } from '../images/table.ts';
import type { Informer } from '../informer.ts';
import { type Container, isPodTerminal, type Pod, type PodStatus, pods, timestamp } from '../objects.ts';
import { isStatus } from '../transport.ts';
import { ContainerRunner, type KubeletTimes } from './container-runner.ts';
import { Deadline } from './deadline.ts';
import { containerEnvironment } from './environment.ts';
import { podStatus } from './status.ts';

export interface PodWorkerContext {
  readonly client: Client;
  readonly informer: Informer<Pod>;
  readonly addresses: Addresses;
  readonly hostIp: string;
  readonly guard: Guard;
  readonly times: KubeletTimes;
  readonly programsDir: string | undefined;
  readonly record: EventRecorder;
  /** The Pod has ended here and its address is given back. */
  readonly onEnded: () => void;
}

/** Grace that a Pod still gets after its object was removed by force. */
const forcedGraceMs = 1000;
const retryMs = 200;

/** One Pod on its node: runs its containers, writes its status, ends it in order, and removes it at last. */
export class PodWorker {
  readonly #context: PodWorkerContext;
  readonly #uid: string;
  #pod: Pod;
  #ip: string | undefined;
  #init: ContainerRunner[] = [];
  #containers: ContainerRunner[] = [];
  #deadline: Deadline | undefined;
  #ended = false;
  #gone = false;
  #frozen = false;
  #writing = false;
  #dirty = false;
  #startTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #written: (() => void)[] = [];

  constructor(pod: Pod, context: PodWorkerContext) {
    this.#pod = pod;
    this.#uid = pod.metadata.uid;
    this.#context = context;
    if (isPodTerminal(pod)) {
      this.#ended = true;
      return;
    }
    this.#init = (pod.spec.initContainers ?? []).map((container) => this.#runner(container, 'OnFailure'));
    this.#containers = pod.spec.containers.map((container) =>
      this.#runner(container, pod.spec.restartPolicy ?? 'Always'),
    );
    this.#sync();
    if (pod.metadata.deletionTimestamp === undefined) {
      this.#startTimer = setTimeout(() => this.#start(), context.times.podStartMs);
    } else {
      this.update(pod);
    }
  }

  /** What containers have written lately, for `kubectl logs`. */
  output(container: string | undefined): string | undefined {
    const at = this.#pod.spec.containers.findIndex(
      ({ name }) => container === undefined || name === container,
    );
    return this.#containers[at]?.output;
  }

  update(pod: Pod): void {
    if (this.#frozen) return;
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#terminate(pod);
    this.#sync();
  }

  /** The object is gone from the API server: by our own last delete, or by force. */
  removed(): void {
    if (this.#frozen) return;
    this.#gone = true;
    this.#stopAll(Date.now() + forcedGraceMs);
  }

  /** The node is dead: no more writes. */
  freeze(): void {
    this.#frozen = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#startTimer);
  }

  /** Kills what runs, at once. */
  kill(): void {
    this.freeze();
    for (const runner of [...this.#init, ...this.#containers]) runner.kill();
  }

  #runner(container: Container, restartPolicy: 'Always' | 'OnFailure' | 'Never'): ContainerRunner {
    const { addresses, guard, times, programsDir, record } = this.#context;
    const pod = this.#pod;
    const worker = this;
    const image = imageProgram(container.image) ?? {
      program: '',
      protocol: 'TCP',
      ports: [],
      env: {},
      runsCommand: false,
    };
    return new ContainerRunner({
      container,
      restartPolicy,
      guard,
      times,
      programsDir,
      target: {
        container,
        guard,
        get podIp() {
          return worker.#ip ?? '';
        },
        get env() {
          return containerEnvironment(pod, container, image, {
            podIp: worker.#ip ?? '',
            hostIp: worker.#context.hostIp,
            addresses,
          });
        },
        socketOf: (port) => addresses.socketOf(worker.#ip ?? '', port),
      },
      onChange: () => this.#changed(),
      onEvent: (type, reason, message) => record(pods, this.#pod, type, reason, message),
    });
  }

  #start(): void {
    this.#ip =
      this.#pod.spec.hostNetwork === true ? this.#context.hostIp : this.#context.addresses.allocate('pod');
    if (this.#init.length === 0) for (const runner of this.#containers) runner.start();
    else this.#init[0]?.start();
    this.#sync();
  }

  #changed(): void {
    if (this.#deadline === undefined) this.#startNext();
    this.#sync();
  }

  /** Init containers run one after the other, then all others at once. */
  #startNext(): void {
    const at = this.#init.findIndex((runner) => runner.status.state.terminated?.exitCode !== 0);
    const next = at < 0 ? undefined : this.#init[at];
    if (next !== undefined) {
      if (next.status.containerID === undefined && next.status.state.waiting?.reason === 'ContainerCreating')
        next.start();
      return;
    }
    if (this.#init.length === 0) return;
    for (const runner of this.#containers) {
      if (runner.status.state.waiting?.reason === 'ContainerCreating') runner.start();
    }
  }

  /**
   * `deletionTimestamp` is the end of the grace period in whole seconds; the period itself counts from when the kubelet
   * sees the deletion.
   */
  #terminate(pod: Pod): void {
    const endMs = Date.parse(pod.metadata.deletionTimestamp ?? '');
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000;
    this.#stopAll(Math.max(endMs, Math.min(Date.now() + graceMs, endMs + 1000)));
  }

  #stopAll(atMs: number): void {
    if (this.#deadline !== undefined) {
      this.#deadline.shorten(atMs);
      return;
    }
    clearTimeout(this.#startTimer);
    const deadline = new Deadline(atMs);
    this.#deadline = deadline;
    const all = [...this.#init, ...this.#containers].map((runner) => runner.stop(deadline));
    void Promise.all(all).then(() => this.#finish());
  }

  /** Everything has stopped: the last status, the address given back, the object removed. */
  async #finish(): Promise<void> {
    if (this.#frozen) return;
    this.#ended = true;
    const { client, addresses, onEnded } = this.#context;
    await this.#settled();
    while (!this.#gone && !this.#frozen) {
      try {
        await client.delete(pods, this.#pod.metadata.namespace ?? 'default', this.#pod.metadata.name, {
          gracePeriodSeconds: 0,
          preconditions: { uid: this.#uid },
        });
        break;
      } catch (error) {
        if (isStatus(error, 404) || isStatus(error, 409)) break;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    if (this.#frozen) return;
    if (this.#ip !== undefined && this.#pod.spec.hostNetwork !== true) addresses.free(this.#ip);
    onEnded();
  }

  /** Resolves when the status as it is now has been written. */
  #settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#written.push(resolve);
      this.#sync();
    });
  }

  #sync(): void {
    if (this.#writing) {
      this.#dirty = true;
      return;
    }
    if (this.#frozen) return;
    this.#writing = true;
    void this.#write().finally(() => {
      this.#writing = false;
      if (this.#dirty) {
        this.#dirty = false;
        this.#sync();
      } else if (this.#retryTimer === undefined || this.#gone) {
        for (const resolve of this.#written.splice(0)) resolve();
      }
    });
  }

  async #write(): Promise<void> {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const pod = this.#pod;
    const status = this.#changes(pod);
    if (this.#gone || status === undefined) return;
    const { client, informer } = this.#context;
    const { name, namespace = 'default' } = pod.metadata;
    try {
      const body = { metadata: { uid: this.#uid }, status };
      const written = await client.patch(pods, namespace, name, 'strategic', body, 'status');
      if (!this.#frozen) informer.learn(written);
    } catch (error) {
      // 404, or 422 for a UID that is no longer there: another Pod of this name is none of ours.
      if (isStatus(error, 404) || isStatus(error, 422)) this.#gone = true;
      else this.#retryTimer = setTimeout(() => this.#sync(), retryMs);
    }
  }

  /** The fields of the status that differ from what the API server shows; undefined when none does. */
  #changes(pod: Pod): PodStatus | undefined {
    if (isPodTerminal(pod) && this.#containers.length === 0) return undefined;
    const shown = pod.status ?? {};
    const { hostIp } = this.#context;
    const want: PodStatus = {
      hostIP: hostIp,
      hostIPs: [{ ip: hostIp }],
      startTime: shown.startTime ?? timestamp(),
      ...(this.#ip === undefined ? {} : { podIP: this.#ip, podIPs: [{ ip: this.#ip }] }),
      ...podStatus(
        pod,
        {
          initContainers: this.#init.map((runner) => runner.status),
          containers: this.#containers.map((runner) => runner.status),
          sandboxReady: this.#ip !== undefined && !this.#ended,
          ended: this.#ended,
        },
        timestamp(),
      ),
    };
    const own = new Set(want.conditions?.map((condition) => condition.type));
    const shownOwn = (shown.conditions ?? []).filter((condition) => own.has(condition.type));
    const changed: [string, unknown][] = Object.entries(want).filter(
      ([key, value]) => key !== 'conditions' && !isDeepStrictEqual(value, shown[key as keyof PodStatus]),
    );
    const conditions = (want.conditions ?? []).filter((condition) => {
      const before = shownOwn.find(({ type }) => type === condition.type);
      return (
        before === undefined ||
        before.status !== condition.status ||
        (before.reason ?? '') !== (condition.reason ?? '') ||
        (before.message ?? '') !== (condition.message ?? '')
      );
    });
    if (conditions.length > 0) {
      // A strategic merge keeps what is not named: a reason that holds no longer must be taken away.
      const whole = conditions.map((condition) => ({ reason: null, message: null, ...condition }));
      changed.push(['conditions', whole]);
    }
    return changed.length === 0 ? undefined : Object.fromEntries(changed);
  }
}
