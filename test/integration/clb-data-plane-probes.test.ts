import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HealthCheck, Target } from '../../infra/sandbox/clb/model.ts';
import {
  type RuntimeFixture,
  startRuntime,
  startUdpPod,
  type UdpPod,
} from '../contract/clb-runtime-fixture.ts';
import { type PodServer, startPod, until } from '../contract/clb-simulator-fixture.ts';

/** What the parameters of a health check make the load balancer ask, and what it makes of the answer. */

let fixture: RuntimeFixture;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startRuntime();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => fixture.close());

const udpPod = async (answer?: Parameters<typeof startUdpPod>[2], port = 8_080): Promise<UdpPod> => {
  const started = await startUdpPod(fixture.addresses, port, answer);
  closers.push(started.close);
  return started;
};

const tcpPod = async (onConnection: (socket: Socket, ip: string) => void): Promise<PodServer> => {
  const started = await startPod(fixture.addresses, 8_080, onConnection);
  closers.push(started.close);
  return started;
};

const check = async (
  protocol: 'TCP' | 'UDP',
  { ip, port }: { readonly ip: string; readonly port: number },
  healthCheck: Partial<HealthCheck>,
): Promise<{ readonly target: Target; change(healthCheck: Partial<HealthCheck>): void }> => {
  const opened = await fixture.listen({
    protocol,
    healthCheck: { HealthSwitch: 1, HealthNum: 2, UnHealthNum: 2, ...healthCheck },
  });
  closers.push(opened.close);
  return { target: opened.bind({ ip, port }), change: opened.setHealthCheck };
};

const becomes = (target: Target, health: Target['health']): Promise<boolean> =>
  until(`${target.ip} is ${health}`, () => target.health === health);

describe('PING', () => {
  it('asks with an empty datagram from the VIP; silence is health', async () => {
    const silent = await udpPod(() => undefined);
    const { target } = await check('UDP', silent, { CheckType: 'PING' });
    await becomes(target, 'Alive');
    const from = fixture.addresses.mode === 'range' ? fixture.vip : '127.0.0.1';
    expect(new Set(silent.received)).toEqual(new Set([`${from} `]));
  });

  it('is failed by a port that nobody is at, and by nothing else', async () => {
    const gone = await udpPod();
    gone.close();
    const { target } = await check('UDP', gone, { CheckType: 'PING' });
    await becomes(target, 'Dead');
    const back = await startUdpPod({ ...fixture.addresses, allocate: () => gone.ip }, gone.port, () => 'any');
    closers.push(back.close);
    await becomes(target, 'Alive');
  });

  it('may ask another port', async () => {
    const a = await udpPod();
    const { target, change } = await check('UDP', a, { CheckType: 'PING', CheckPort: 8_081 });
    await becomes(target, 'Dead');
    expect(a.received).toEqual([]);
    change({ CheckPort: null });
    await becomes(target, 'Alive');
  });
});

describe('CUSTOM', () => {
  it('over UDP sends a text and needs exactly its answer', async () => {
    let said = 'pong';
    const a = await udpPod(() => said);
    const { target } = await check('UDP', a, {
      CheckType: 'CUSTOM',
      ContextType: 'TEXT',
      SendContext: 'ping?',
      RecvContext: 'pong',
    });
    await becomes(target, 'Alive');
    expect(new Set(a.received.map((line) => line.split(' ')[1]))).toEqual(new Set(['ping?']));
    said = 'pong!';
    await becomes(target, 'Dead');
    said = 'pong';
    await becomes(target, 'Alive');
  });

  it('over UDP sends bytes, and silence is no health', async () => {
    const wanted = Buffer.from('00ff10', 'hex');
    let speaks = true;
    const asked: Buffer[] = [];
    const a = await udpPod((datagram) => {
      asked.push(datagram);
      return speaks ? wanted : undefined;
    });
    const { target } = await check('UDP', a, {
      CheckType: 'CUSTOM',
      ContextType: 'HEX',
      SendContext: 'DEADBEEF',
      RecvContext: '00FF10',
    });
    await becomes(target, 'Alive');
    expect(asked[0]?.toString('hex')).toBe('deadbeef');
    speaks = false;
    await becomes(target, 'Dead');
  });

  it('over TCP needs the stream to begin with its answer, in however many parts it comes', async () => {
    let parts = ['po', 'ng and more'];
    const heard = new Set<string>();
    const a = await tcpPod((socket) => {
      socket.setNoDelay(true);
      socket.on('data', (chunk) => {
        heard.add(chunk.toString());
        const [first = '', second = ''] = parts;
        socket.write(first);
        setImmediate(() => setImmediate(() => socket.write(second)));
      });
    });
    const { target, change } = await check('TCP', a, {
      CheckType: 'CUSTOM',
      ContextType: 'TEXT',
      SendContext: 'ping',
      RecvContext: 'pong',
    });
    await becomes(target, 'Alive');
    expect(heard).toEqual(new Set(['ping']));
    parts = ['po', 'sh'];
    await becomes(target, 'Dead');
    parts = ['po', 'ng'];
    change({ ContextType: 'HEX', SendContext: '01', RecvContext: '706F6E67' });
    await becomes(target, 'Alive');
    expect(heard).toContain('\u0001');
  });

  it('over TCP is failed by a target that ends before its answer is whole', async () => {
    let whole = false;
    const a = await tcpPod((socket) => {
      socket.once('data', () => socket.end(whole ? 'pong' : 'pon'));
    });
    const { target } = await check('TCP', a, {
      CheckType: 'CUSTOM',
      SendContext: 'ping',
      RecvContext: 'pong',
    });
    await becomes(target, 'Dead');
    whole = true;
    await becomes(target, 'Alive');
  });
});

describe('HTTP on a TCP listener', () => {
  const asked = async (healthCheck: Partial<HealthCheck>): Promise<string> => {
    const requests: string[] = [];
    const a = await tcpPod((socket) => {
      socket.once('data', (chunk) => {
        requests.push(chunk.toString());
        socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    });
    const { target } = await check('TCP', a, { CheckType: 'HTTP', ...healthCheck });
    await becomes(target, 'Alive');
    return requests[0] ?? '';
  };

  it('asks in the version, by the method, for the domain and path that are set', async () => {
    const domain = { HttpCheckDomain: 'game.example', HttpCheckPath: '/ready?x=1' };
    expect(await asked({ HttpVersion: 'HTTP/1.0', HttpCheckMethod: 'GET', ...domain })).toMatch(
      /^GET \/ready\?x=1 HTTP\/1\.0\r\nHost: game\.example\r\n/,
    );
    expect(await asked({ HttpVersion: 'HTTP/1.1', HttpCheckMethod: 'HEAD', ...domain })).toMatch(
      /^HEAD \/ready\?x=1 HTTP\/1\.1\r\nHost: game\.example\r\n/,
    );
  });

  it.each([
    [1, '100 Continue'],
    [2, '299 Fine'],
    [4, '301 Moved Permanently'],
    [8, '404 Not Found'],
    [16, '503 Service Unavailable'],
  ])('HttpCode %i takes %s and no other class of status', async (mask, status) => {
    let said = status;
    const a = await tcpPod((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 ${said}\r\nContent-Length: 0\r\n\r\n`));
    });
    const { target, change } = await check('TCP', a, { CheckType: 'HTTP', HttpCode: mask });
    await becomes(target, 'Alive');
    change({ HttpCode: 31 - mask });
    await becomes(target, 'Dead');
    change({ HttpCode: mask });
    await becomes(target, 'Alive');
    said = mask === 1 ? '200 OK' : '100 Continue';
    await becomes(target, 'Dead');
  });

  it('is failed by what is no HTTP', async () => {
    const a = await tcpPod((socket) => {
      socket.once('data', () => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    const { target } = await check('TCP', a, { CheckType: 'HTTP', HttpCode: 31 });
    await becomes(target, 'Dead');
  });
});

describe('SourceIpType', () => {
  it('0 asks from the VIP, 1 from addresses of 100.64.0.0/10, over either transport', async () => {
    if (fixture.addresses.mode === 'single') return;
    const shared = /^100\.64\.0\.[1-8] $/;
    const overUdp = await udpPod();
    const udp = await check('UDP', overUdp, { CheckType: 'PING', SourceIpType: 1 });
    await becomes(udp.target, 'Alive');
    for (const line of overUdp.received) expect(line).toMatch(shared);
    const sources: string[] = [];
    const overTcp = await tcpPod((socket) => {
      sources.push(`${fixture.addresses.ordinary(socket.remoteAddress ?? '')} `);
    });
    const tcp = await check('TCP', overTcp, { SourceIpType: 1 });
    await becomes(tcp.target, 'Alive');
    for (const source of sources) expect(source).toMatch(shared);
    tcp.change({ SourceIpType: 0 });
    await until('the VIP asks', () => sources.at(-1) === `${fixture.vip} `);
  });
});
