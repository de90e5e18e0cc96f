import { createSocket, type Socket } from 'node:dgram';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import { defaultHealthCheck } from '../../infra/sandbox/clb/actions/health-check-parameters.ts';
import { Certificates } from '../../infra/sandbox/clb/certificates.ts';
import { createClock } from '../../infra/sandbox/clb/clock.ts';
import { createNetwork } from '../../infra/sandbox/clb/data-plane/network.ts';
import { Events } from '../../infra/sandbox/clb/events.ts';
import { newId } from '../../infra/sandbox/clb/ids.ts';
import type { Layer4Listener, LoadBalancer } from '../../infra/sandbox/clb/load-balancer.ts';
import type { HealthCheck, Layer4Protocol, Scheduler, Target } from '../../infra/sandbox/clb/model.ts';
import { Pool } from '../../infra/sandbox/clb/pool.ts';
import { Runtime } from '../../infra/sandbox/clb/runtime.ts';
import { type ClbSettings, defaultSettings } from '../../infra/sandbox/clb/settings.ts';

export interface ListenerOptions {
  readonly protocol?: Layer4Protocol;
  readonly scheduler?: Scheduler;
  /** Over the protocol's defaults. */
  readonly healthCheck?: Partial<HealthCheck>;
  readonly sessionExpireSeconds?: number;
  readonly idleSeconds?: number;
}

/** A listener with what a test does to its targets. */
export interface OpenListener {
  readonly port: number;
  readonly listener: Layer4Listener;
  bind(pod: { readonly ip: string; readonly port: number }, weight?: number): Target;
  deregister(target: Target): void;
  setWeight(target: Target, weight: number): void;
  setHealthCheck(healthCheck: Partial<HealthCheck>): void;
  close(): void;
}

export interface RuntimeFixture {
  readonly addresses: Addresses;
  readonly settings: ClbSettings;
  readonly events: Events;
  readonly vip: string;
  /** A UDP listener at a port of its own, not probed, where the options do not say otherwise. */
  listen(options?: ListenerOptions): Promise<OpenListener>;
  close(): Promise<void>;
}

/** One load balancer's data plane and probes without the API before it, a hundred times as fast. */
export const startRuntime = async (): Promise<RuntimeFixture> => {
  const addresses = await claimAddresses();
  const settings: ClbSettings = { ...defaultSettings, probeTimeoutFloorMs: 300 };
  const events = new Events();
  const clock = createClock(100);
  const parts = {
    network: createNetwork(addresses),
    settings,
    clock,
    events,
    random: Math.random,
    certificates: new Certificates(),
  };
  const runtime = new Runtime(parts);
  const now = new Date();
  const loadBalancer: LoadBalancer = {
    id: newId('lb'),
    region: 'ap-guangzhou',
    type: 'OPEN',
    vip: addresses.allocate('vip'),
    vpcId: newId('vpc'),
    subnetId: '',
    projectId: 0,
    slaType: '',
    tags: [],
    createdAt: now,
    chargeType: '',
    internetChargeType: '',
    maxBandwidthMbps: 1,
    name: '',
    status: 1,
    statusAt: now,
    passToTarget: false,
    deleteProtect: false,
    snatPro: false,
    listeners: new Map(),
  };
  let nextPort = 7_000;

  const listen: RuntimeFixture['listen'] = async (options = {}) => {
    const { protocol = 'UDP', scheduler = 'WRR', sessionExpireSeconds = 0, idleSeconds = 300 } = options;
    const healthCheck = { ...defaultHealthCheck(protocol), HealthSwitch: 0, ...options.healthCheck };
    nextPort += 1;
    const pool = new Pool(healthCheck, scheduler, sessionExpireSeconds);
    const listener: Layer4Listener = {
      layer: 4,
      id: newId('lbl'),
      protocol,
      port: nextPort,
      createdAt: now,
      name: '',
      sessionType: 'NORMAL',
      deregisterTargetRst: false,
      idleConnectTimeoutSeconds: idleSeconds,
      pool,
    };
    await runtime.openListener(loadBalancer, listener);
    const place = { loadBalancer, listener, pool };
    return {
      port: listener.port,
      listener,
      bind: ({ ip, port }, weight = 10) => {
        runtime.register(place, { ip, port, weight, tag: '', instanceId: '' });
        const target = pool.find(ip, port);
        if (target === undefined) throw new Error(`${ip} was not bound.`);
        return target;
      },
      deregister: (target) => runtime.deregister(place, target),
      setWeight: (target, weight) => runtime.setWeight(place, target, weight),
      setHealthCheck: (change) => {
        pool.healthCheck = { ...pool.healthCheck, ...change };
        runtime.healthCheckChanged(place);
      },
      close: () => runtime.closeListener(loadBalancer, listener),
    };
  };

  return {
    addresses,
    settings,
    events,
    vip: loadBalancer.vip,
    listen,
    close: async () => {
      clock.close();
      runtime.close();
      await addresses.release();
    },
  };
};

/** A UDP server at a Pod's address; each has one of its own. */
export interface UdpPod {
  readonly ip: string;
  readonly port: number;
  /** What came, the newest last, as `address text`; the address is the ordinary one. */
  readonly received: readonly string[];
  close(): void;
}

/** Answers each datagram with its own address and that of who asks, but for what `answer` says instead. */
export const startUdpPod = async (
  addresses: Addresses,
  port: number,
  answer: (datagram: Buffer, from: string, ip: string) => string | Buffer | undefined = (_, from, ip) =>
    `${ip} ${from}`,
): Promise<UdpPod> => {
  const ip = addresses.allocate('pod');
  const received: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (datagram, { address, port: from }) => {
    const ordinary = addresses.ordinary(address);
    received.push(`${ordinary} ${datagram.toString()}`);
    const said = answer(datagram, ordinary, ip);
    if (said !== undefined) socket.send(said, from, address, () => undefined);
  });
  const at = addresses.socketOf(ip, port);
  await bound(socket, at.host, at.port);
  let open = true;
  return {
    ip,
    port,
    received,
    close: () => {
      if (open) socket.close();
      open = false;
    },
  };
};

const bound = (socket: Socket, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, () => {
      socket.off('error', reject);
      resolve();
    });
  });

/** One client's address and port. */
export interface UdpClient {
  send(text: string): void;
  /** All answers so far. */
  readonly received: readonly string[];
  close(): void;
}

/** @param from the client's ordinary address; default: the system's choice */
export const startUdpClient = async (
  addresses: Addresses,
  vip: string,
  port: number,
  from?: string,
): Promise<UdpClient> => {
  const source = from === undefined ? undefined : addresses.sourceOf(from);
  const to = addresses.socketOf(vip, port);
  const socket = createSocket('udp4');
  const received: string[] = [];
  socket.on('message', (datagram) => void received.push(datagram.toString()));
  await bound(socket, source ?? '127.0.0.1', 0);
  return {
    send: (text) => socket.send(text, to.port, to.host, () => undefined),
    received,
    close: () => socket.close(),
  };
};
