import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { claimAddresses, type SocketAddress } from '../../infra/sandbox/addresses.ts';
import { type ClbSimulator, startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { hasHaproxy, startHaproxyServer } from '../support/haproxy.ts';
import { type Figure, NotMeasured, row } from './figure.ts';

/** Resolves once somebody takes connections there. @throws NotMeasured after ten seconds without */
const untilListening = async ({ host, port }: SocketAddress): Promise<void> => {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const socket = connect({ host, port });
    const isTaken = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isTaken) return;
    await setTimeout(20);
  }
  throw new NotMeasured('HAProxy does not listen');
};

const run = promisify(execFile);

interface Carried {
  readonly perSecond: number;
  /** Of this process, the simulator's. */
  readonly cpuUsPerRequest: number;
}

/** What wrk gets answered. @throws NotMeasured when a request was not answered as it should be */
const wrk = async (url: string, seconds: number): Promise<Carried> => {
  const before = process.cpuUsage();
  const { stdout } = await run('wrk', ['-t1', '-c64', `-d${seconds}s`, '-H', 'Host: a.example.com', url]);
  const { user, system } = process.cpuUsage(before);
  const errors = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0];
  if (errors !== undefined) throw new NotMeasured(`${url}: ${errors}`);
  return {
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
    cpuUsPerRequest: (user + system) / Number(/(\d+) requests in/.exec(stdout)?.[1]),
  };
};

const hasWrk = async (): Promise<boolean> => {
  try {
    await run('wrk', ['-v']);
    return true;
  } catch (error) {
    // It ends with 1 when it has told its version.
    return error instanceof Error && 'code' in error && error.code === 1;
  }
};

/** A listener in front of one target. @returns its id */
const listen = async (
  simulator: ClbSimulator,
  loadBalancerId: string,
  ip: string,
  port: number,
  more: Readonly<Record<string, unknown>>,
): Promise<void> => {
  const lb = { LoadBalancerId: loadBalancerId };
  const off = { HealthSwitch: 0 };
  const isLayer7 = more['Protocol'] === 'HTTP';
  const made = await simulator.byHand('CreateListener', {
    ...lb,
    Ports: [port],
    ...(isLayer7 ? {} : { HealthCheck: off }),
    ...more,
  });
  const [listenerId] = idsOf(made['ListenerIds']);
  let place: Record<string, unknown> = { ListenerId: listenerId };
  if (isLayer7) {
    const rule = await simulator.byHand('CreateRule', {
      ...lb,
      ListenerId: listenerId,
      Rules: [{ Domain: 'a.example.com', Url: '/', HealthCheck: off }],
    });
    place = { ...place, LocationId: idsOf(rule['LocationIds'])[0] };
  }
  await simulator.byHand('BatchRegisterTargets', {
    ...lb,
    Targets: [{ ...place, EniIp: ip, Port: 8080, Weight: 10 }],
  });
};

const idsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

/** Straight, and through one listener of each kind, in turn, the same wrk on the same target. */
export const carries: Figure = {
  name: 'carries',
  summary: 'what the CLB simulator carries, by what its target answers when asked straight',
  run: async ({ size, say }) => {
    if (!(await hasWrk())) throw new NotMeasured('there is no wrk on the PATH (apt install wrk)');
    if (!hasHaproxy()) throw new NotMeasured('there is no haproxy on the PATH (apt install haproxy)');
    const seconds = size === 'small' ? 1 : 5;
    const ends: (() => unknown)[] = [];
    try {
      const addresses = await claimAddresses();
      ends.push(addresses.release);
      const simulator = await startClbSimulator({
        listen: { host: '127.0.0.1', port: 0 },
        addresses,
        speed: 100,
      });
      ends.push(simulator.close);
      const ip = addresses.allocate('pod');
      const at = addresses.socketOf(ip, 8080);
      ends.push(startHaproxyServer(at).close);
      await untilListening(at);
      const made = await simulator.byHand('CreateLoadBalancer', { LoadBalancerType: 'OPEN' });
      const [loadBalancerId = ''] = idsOf(made['LoadBalancerIds']);
      const vip = simulator.state().loadBalancers[0]?.vip ?? '';
      const listeners = [
        ['through a TCP listener', 9001, { Protocol: 'TCP' }],
        [
          'through a HTTP listener that keeps its connections',
          9002,
          { Protocol: 'HTTP', KeepaliveEnable: 1 },
        ],
        ['through a HTTP listener', 9003, { Protocol: 'HTTP' }],
      ] as const;
      const rows = [];
      const facts: Record<string, number> = { seconds };
      for (const [what, port, more] of listeners) {
        await listen(simulator, loadBalancerId, ip, port, more);
        say(`${what}, for ${seconds} s, and straight`);
        const through = addresses.socketOf(vip, port);
        // The first seconds are the compiler's.
        await wrk(`http://${through.host}:${through.port}/`, size === 'small' ? 1 : 3);
        const measured = await wrk(`http://${through.host}:${through.port}/`, seconds);
        const straight = await wrk(`http://${at.host}:${at.port}/`, seconds);
        rows.push(row(`${what}, 64 connections`, 'requests/s', measured.perSecond, straight.perSecond));
        facts[`${what}: the simulator's CPU, µs a request`] = Math.round(measured.cpuUsPerRequest);
      }
      return { against: 'straight', rows, facts };
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
};
