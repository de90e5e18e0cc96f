// The official SDK and nothing else: what the fewest calls take on the simulator of the same run, made by somebody who
// knows without delay when to make which.
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import type { ClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { NotMeasured } from './figure.ts';

export type Client = InstanceType<typeof clb.v20180317.Client>;

/** A load balancer of its own, with its listeners. */
export interface OwnLoadBalancer {
  readonly id: string;
  readonly listenerIds: readonly string[];
}

export interface BareClient {
  readonly client: Client;
  /** Resolves when it runs and its lock is free. */
  createLoadBalancer(ports: readonly number[]): Promise<OwnLoadBalancer>;
  /** Resolves when a write would not be refused. */
  unlocked(loadBalancerId: string): Promise<void>;
  /** Asks for the task until it has ended. */
  ended(taskId: string, everyMs: number): Promise<void>;
  close(): void;
}

const lookEveryMs = 10;
const waitMs = 60_000;

export const createBareClient = (simulator: ClbSimulator): BareClient => {
  const agent = new Agent({ keepAlive: true });
  const client = new clb.v20180317.Client({
    credential: { secretId: simulator.secretId, secretKey: simulator.secretKey },
    region: simulator.region,
    profile: {
      httpProfile: { endpoint: new URL(simulator.url).host, protocol: 'http://', agent },
    },
  });
  const find = (id: string) => simulator.state().loadBalancers.find((one) => one.id === id);
  const look = async (what: string, holds: () => boolean): Promise<void> => {
    const end = performance.now() + waitMs;
    while (!holds()) {
      if (performance.now() > end) throw new NotMeasured(`Not within ${waitMs / 1000} s: ${what}.`);
      await sleep(lookEveryMs);
    }
  };
  const unlocked = (id: string): Promise<void> =>
    look(`${id} takes writes`, () => find(id)?.status === 1 && find(id)?.locked === false);
  return {
    client,
    unlocked,
    createLoadBalancer: async (ports) => {
      const made = await client.CreateLoadBalancer({ LoadBalancerType: 'OPEN', VpcId: simulator.vpcId });
      const id = made.LoadBalancerIds?.[0] ?? '';
      await unlocked(id);
      const { ListenerIds = [] } = await client.CreateListener({
        LoadBalancerId: id,
        Ports: [...ports],
        Protocol: 'TCP',
        ListenerNames: ports.map((port) => `bare-${port}`),
      });
      await look(`${id} has its listeners`, () => find(id)?.listeners.length === ports.length);
      await unlocked(id);
      return { id, listenerIds: ListenerIds };
    },
    ended: async (taskId, everyMs) => {
      for (;;) {
        const { Status: status } = await client.DescribeTaskStatus({ TaskId: taskId });
        if (status === 0) return;
        if (status === 1) throw new NotMeasured(`Task ${taskId} failed.`);
        await sleep(everyMs);
      }
    },
    close: () => agent.destroy(),
  };
};
