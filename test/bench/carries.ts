import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { claimAddresses } from '../../infra/sandbox/addresses.ts';
import { type ClbSimulator, startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { type Figure, NotMeasured, row } from './figure.ts';

/** A target that costs as little as Node can; it says where it is once it listens. */
const target = `
const server = require('node:http').createServer((request, response) => response.end('ok'));
server.keepAliveTimeout = 60000;
server.listen({ host: process.argv[1], port: Number(process.argv[2]) }, () => process.stdout.write('ready'));
process.stdin.on('close', () => process.exit(0)).resume();
`;

const startTarget = async (host: string, port: number): Promise<{ close(): void }> => {
  const child = spawn(process.execPath, ['-e', target, host, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return { close: () => void child.kill('SIGKILL') };
};

const run = promisify(execFile);

/** Requests a second that wrk gets answered. @throws NotMeasured when one of them was not answered as it should be */
const wrk = async (url: string, seconds: number): Promise<number> => {
  const { stdout } = await run('wrk', ['-t1', '-c32', `-d${seconds}s`, '-H', 'Host: a.example.com', url]);
  const errors = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0];
  if (errors !== undefined) throw new NotMeasured(`${url}: ${errors}`);
  return Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]);
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
      const started = await startTarget(at.host, at.port);
      ends.push(started.close);
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
      for (const [what, port, more] of listeners) {
        await listen(simulator, loadBalancerId, ip, port, more);
        say(`${what}, for ${seconds} s, and straight`);
        const through = addresses.socketOf(vip, port);
        const measured = await wrk(`http://${through.host}:${through.port}/`, seconds);
        const straight = await wrk(`http://${at.host}:${at.port}/`, seconds);
        rows.push(row(`${what}, 32 connections`, 'requests/s', measured, straight));
      }
      return { against: 'straight', rows, facts: { seconds } };
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
};
