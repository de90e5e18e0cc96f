import type { Addresses } from '../../addresses.ts';
import { startGuard } from '../../guard.ts';
import type { Client } from '../client.ts';
import { createEventRecorder, type EventRecorder } from '../event-recorder.ts';
import type { Informer } from '../informer.ts';
import type { Pod } from '../objects.ts';
import type { KubeletTimes } from './container-runner.ts';
import { type NodeSettings, postReady, registerNode, renewLease } from './node.ts';
import { PodWorker } from './pod-worker.ts';

export interface KubeletOptions {
  readonly client: Client;
  readonly addresses: Addresses;
  readonly nodes: readonly NodeSettings[];
  /** All Pods; shared with the controllers where both run in one process. */
  readonly pods: Informer<Pod>;
  readonly times?: Partial<KubeletTimes>;
  /** Where the build put the programs; default: found from this code. */
  readonly programsDir?: string;
}

/** The kubelets of all nodes, in one process. */
export interface Kubelet {
  /**
   * The node dies: no heartbeat, no status and no deletion comes from it any more. Its processes are killed, or kept as
   * when only its network to the control plane is cut.
   */
  stopNode(name: string, processes?: 'kill' | 'keep'): void;
  /** What a container has written lately; undefined when it does not run here. */
  logs(namespace: string, pod: string, container?: string): string | undefined;
  /** Kills every container; the API server hears nothing of it. */
  close(): void;
}

const usualTimes: KubeletTimes = {
  podStartMs: 150,
  firstRestartBackOffMs: 10_000,
  lastRestartBackOffMs: 300_000,
  heartbeatMs: 10_000,
};

/** Registers the nodes and runs every Pod that is bound to one of them as real processes. */
export const startKubelet = async (options: KubeletOptions): Promise<Kubelet> => {
  const { client, addresses, programsDir } = options;
  const times = { ...usualTimes, ...options.times };
  const guard = startGuard(programsDir);
  const workers = new Map<string, { node: string; pod: Pod; worker: PodWorker }>();
  const nodes = new Map<string, { ip: string; record: EventRecorder; heartbeat: NodeJS.Timeout }>();

  const stopNode = (name: string, processes: 'kill' | 'keep' = 'kill'): void => {
    clearInterval(nodes.get(name)?.heartbeat);
    nodes.delete(name);
    for (const { node, worker } of workers.values()) {
      if (node !== name) continue;
      if (processes === 'kill') worker.kill();
      else worker.freeze();
    }
  };

  const see = (pod: Pod): void => {
    const { uid } = pod.metadata;
    const known = workers.get(uid);
    if (known !== undefined) {
      known.pod = pod;
      known.worker.update(pod);
      return;
    }
    const node = nodes.get(pod.spec.nodeName ?? '');
    if (node === undefined || pod.spec.nodeName === undefined) return;
    const worker = new PodWorker(pod, {
      client,
      informer: options.pods,
      addresses,
      hostIp: node.ip,
      guard,
      times,
      programsDir,
      record: node.record,
      onEnded: () => workers.delete(uid),
    });
    workers.set(uid, { node: pod.spec.nodeName, pod, worker });
  };

  const close = (): void => {
    for (const name of [...nodes.keys()]) stopNode(name, 'keep');
    for (const { worker } of workers.values()) worker.kill();
    workers.clear();
    guard.close();
  };

  try {
    for (const settings of options.nodes) {
      await registerNode(client, settings);
      await renewLease(client, settings.name);
      const heartbeat = setInterval(() => {
        renewLease(client, settings.name)
          .then(() => postReady(client, settings.name))
          .catch(() => undefined);
      }, times.heartbeatMs);
      const record = createEventRecorder(client, 'kubelet', settings.name);
      nodes.set(settings.name, { ip: settings.ip, record, heartbeat });
    }
  } catch (error) {
    close();
    throw error;
  }

  options.pods.onChange(({ type, object }) => {
    if (type === 'deleted') workers.get(object.metadata.uid)?.worker.removed();
    else see(object);
  });
  for (const pod of options.pods.list()) see(pod);

  return {
    stopNode,
    logs: (namespace, name, container) => {
      for (const { pod, worker } of workers.values()) {
        if (pod.metadata.namespace === namespace && pod.metadata.name === name)
          return worker.output(container);
      }
      return undefined;
    },
    close,
  };
};
