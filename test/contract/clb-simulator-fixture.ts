import { connect, createServer, type Server, type Socket } from 'node:net';
import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import { type Addresses, claimAddresses, type SocketAddress } from '../../infra/sandbox/addresses.ts';
import {
  type ClbSimulator,
  type ClbSimulatorOptions,
  startClbSimulator,
} from '../../infra/sandbox/clb/simulator.ts';
import type { TargetSnapshot } from '../../infra/sandbox/clb/snapshot.ts';

export type SdkClient = InstanceType<typeof clb.v20180317.Client>;

/** The official SDK, pointed at a simulator. */
export const sdkClient = (
  { url, region, secretId, secretKey }: Pick<ClbSimulator, 'url' | 'region' | 'secretId' | 'secretKey'>,
  other: { secretId?: string; secretKey?: string; token?: string; region?: string; endpoint?: string } = {},
): SdkClient =>
  new clb.v20180317.Client({
    credential: {
      secretId: other.secretId ?? secretId,
      secretKey: other.secretKey ?? secretKey,
      ...(other.token === undefined ? {} : { token: other.token }),
    },
    region: other.region ?? region,
    profile: {
      httpProfile: {
        protocol: 'http://',
        endpoint: other.endpoint ?? url.replace('http://', ''),
        reqTimeout: 20,
      },
    },
  });

export const until = async <T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 20_000,
): Promise<T> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** The API's error code of a call that must fail. */
export const codeOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  const error = await failureOf(call);
  return error.code;
};

export const failureOf = async (
  call: Promise<unknown>,
): Promise<{ code: string | undefined; message: string; httpCode: number | undefined }> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('The call was expected to fail.');
  return {
    code: 'code' in outcome && typeof outcome.code === 'string' ? outcome.code : undefined,
    message: outcome.message,
    httpCode: 'httpCode' in outcome && typeof outcome.httpCode === 'number' ? outcome.httpCode : undefined,
  };
};

export interface Fixture {
  readonly addresses: Addresses;
  readonly simulator: ClbSimulator;
  readonly client: SdkClient;
  /** Waits for the task of an asynchronous call. */
  done(answer: { RequestId?: string }): Promise<void>;
  createLoadBalancer(tags?: Record<string, string>): Promise<{ id: string; vip: string }>;
  createListeners(
    loadBalancerId: string,
    ports: number[],
    more?: Partial<Parameters<SdkClient['CreateListener']>[0]>,
  ): Promise<string[]>;
  register(loadBalancerId: string, targets: readonly Bound[]): Promise<void>;
  setWeight(loadBalancerId: string, target: Bound): Promise<void>;
  deregister(loadBalancerId: string, targets: readonly Bound[]): Promise<void>;
  /** Waits until no lock is held. */
  unlocked(loadBalancerId: string): Promise<void>;
  target(ip: string): TargetSnapshot;
  close(): Promise<void>;
}

export interface Bound {
  readonly listenerId: string;
  /** Of a layer-7 listener's rule. */
  readonly locationId?: string;
  readonly ip: string;
  readonly port: number;
  readonly weight?: number;
}

const shape = ({ listenerId, locationId, ip, port, weight }: Bound) => ({
  ListenerId: listenerId,
  ...(locationId === undefined ? {} : { LocationId: locationId }),
  EniIp: ip,
  Port: port,
  ...(weight === undefined ? {} : { Weight: weight }),
});

/** A simulator a hundred times as fast as the real API, with the SDK and shortcuts for what tests set up. */
export const startFixture = async (options: Partial<ClbSimulatorOptions> = {}): Promise<Fixture> => {
  const addresses = options.addresses ?? (await claimAddresses());
  const simulator = await startClbSimulator({
    listen: { host: '127.0.0.1', port: 0 },
    speed: 100,
    ...options,
    addresses,
    settings: { callsPerSecond: 1_000, ...options.settings },
  });
  const client = sdkClient(simulator);

  const done = async ({ RequestId }: { RequestId?: string }): Promise<void> => {
    const task = await until('the task ends', async () => {
      const { Status, Message } = await client.DescribeTaskStatus({ TaskId: RequestId ?? '' });
      return Status === 2 ? undefined : { Status, Message };
    });
    if (task.Status !== 0) throw new Error(task.Message);
  };
  const unlocked = async (id: string): Promise<void> => {
    await until('the lock is free', () =>
      simulator.state().loadBalancers.some((lb) => lb.id === id && !lb.locked),
    );
  };

  return {
    addresses,
    simulator,
    client,
    done,
    unlocked,
    createLoadBalancer: async (tags = {}) => {
      const answer = await client.CreateLoadBalancer({
        LoadBalancerType: 'OPEN',
        Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
      });
      const id = answer.LoadBalancerIds?.[0] ?? '';
      await done(answer);
      const vip = simulator.state().loadBalancers.find((lb) => lb.id === id)?.vip ?? '';
      return { id, vip };
    },
    createListeners: async (loadBalancerId, ports, more = {}) => {
      const answer = await client.CreateListener({
        LoadBalancerId: loadBalancerId,
        Ports: ports,
        Protocol: 'TCP',
        ...more,
      });
      await done(answer);
      return answer.ListenerIds ?? [];
    },
    register: async (loadBalancerId, targets) => {
      if (targets.length === 0) return;
      await client.BatchRegisterTargets({ LoadBalancerId: loadBalancerId, Targets: targets.map(shape) });
      await unlocked(loadBalancerId);
    },
    deregister: async (loadBalancerId, targets) => {
      await client.BatchDeregisterTargets({ LoadBalancerId: loadBalancerId, Targets: targets.map(shape) });
      await unlocked(loadBalancerId);
    },
    setWeight: async (loadBalancerId, { listenerId, locationId, ip, port, weight = 0 }) => {
      await done(
        await client.BatchModifyTargetWeight({
          LoadBalancerId: loadBalancerId,
          ModifyList: [
            {
              ListenerId: listenerId,
              ...(locationId === undefined ? {} : { LocationId: locationId }),
              Targets: [{ EniIp: ip, Port: port, Weight: weight }],
            },
          ],
        }),
      );
    },
    target: (ip) => {
      const found = simulator
        .state()
        .loadBalancers.flatMap(({ listeners }) => listeners)
        .flatMap(({ targets }) => targets)
        .find((target) => target.ip === ip);
      if (found === undefined) throw new Error(`${ip} is not bound.`);
      return found;
    },
    close: async () => {
      await simulator.close();
      if (options.addresses === undefined) await addresses.release();
    },
  };
};

/** What a client gets first: the Pod's greeting, or nothing before its connection ends. */
export const greeting = (at: SocketAddress): Promise<string> =>
  new Promise((resolve) => {
    let got = '';
    const socket = connect(at);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(got));
    socket.setEncoding('utf8').once('data', (text: string) => {
      got = text;
      socket.destroy();
    });
  });

/** A server at a Pod's address: sends its own address and the client's, then echoes. */
export interface PodServer {
  readonly ip: string;
  readonly port: number;
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

export const startPod = async (
  addresses: Addresses,
  port: number,
  onConnection: (socket: Socket, ip: string) => void = (socket, ip) => {
    socket.write(`${ip} ${addresses.ordinary(socket.remoteAddress ?? '')}\n`);
    socket.pipe(socket);
  },
): Promise<PodServer> => {
  const ip = addresses.allocate('pod');
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket, ip);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(addresses.socketOf(ip, port), () => resolve());
  });
  return {
    ip,
    port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
