import { once } from 'node:events';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SelfSigned, selfSigned } from '../contract/clb-simulator-certificates-fixture.ts';
import {
  type Fixture,
  type PodServer,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';
import { type HttpPod, startHttpPod } from '../contract/clb-simulator-http-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 9_000;
const ends: (() => unknown)[] = [];
const certificates = new Map<string, SelfSigned & { readonly id: string }>();

beforeAll(async () => {
  fixture = await startFixture({ settings: { quotaListeners: 500 } });
  lb = await fixture.createLoadBalancer();
  for (const name of ['one.example.com', 'two.example.com', 'client.example.com']) {
    const made = await selfSigned(name);
    const { id } = fixture.simulator.certificates.add({
      name,
      certPem: made.certPem,
      ...(name.startsWith('client') ? {} : { keyPem: made.keyPem }),
    });
    certificates.set(name, { ...made, id });
  }
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => fixture.close());

const certificateOf = (name: string): SelfSigned & { readonly id: string } => {
  const found = certificates.get(name);
  if (found === undefined) throw new Error(`no certificate of ${name}`);
  return found;
};

const one = (more: object = {}) => ({
  SSLMode: 'UNIDIRECTIONAL',
  CertId: certificateOf('one.example.com').id,
  ...more,
});

const pod = async (onConnection?: Parameters<typeof startPod>[2]): Promise<PodServer> => {
  const started = await startPod(fixture.addresses, 8_080, onConnection);
  ends.push(started.close);
  return started;
};

const newListener = async (
  more: Parameters<Fixture['createListeners']>[2],
): Promise<{ id: string; port: number }> => {
  nextPort += 1;
  const [id = ''] = await fixture.createListeners(lb.id, [nextPort], more);
  return { id, port: nextPort };
};

const tcpSsl = async (target: PodServer, more: object = {}): Promise<{ id: string; port: number }> => {
  const made = await newListener({ Protocol: 'TCP_SSL', Certificate: one(more) });
  await fixture.register(lb.id, [{ listenerId: made.id, ip: target.ip, port: target.port, weight: 10 }]);
  await until('it is Alive', () => fixture.target(target.ip).health === 'Alive');
  return made;
};

/** A client that trusts these certificates only. */
const dial = (port: number, options: ConnectionOptions & { localAddress?: string } = {}): TLSSocket => {
  const socket = connect({
    ...fixture.addresses.socketOf(lb.vip, port),
    servername: 'one.example.com',
    ca: [...certificates.values()].map(({ certPem }) => certPem),
    ...options,
  });
  ends.push(() => socket.destroy());
  socket.on('error', () => undefined);
  return socket;
};

/** The name that the shown certificate is for. */
const shown = async (socket: TLSSocket): Promise<string | undefined> => {
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  return Array.isArray(CN) ? CN[0] : CN;
};

const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', () => resolve(undefined)));

describe('a TCP_SSL listener', () => {
  it('shows its certificate, and targets get the client’s bytes in the clear, from its own address', async () => {
    const seen: (string | undefined)[] = [];
    const echo = await pod((socket) => {
      seen.push(socket.remoteAddress);
      socket.pipe(socket);
    });
    const { port } = await tcpSsl(echo);
    const client = fixture.addresses.allocate('client');
    const localAddress = fixture.addresses.sourceOf(client);
    const socket = dial(port, localAddress === undefined ? {} : { localAddress });
    expect(await shown(socket)).toBe('one.example.com');
    socket.write('hello');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toBe('hello');
    expect(seen.at(-1)).toBe(localAddress ?? '127.0.0.1');
    const big = Buffer.alloc(3_000_000, 'x');
    let got = 0;
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    socket.write(big);
    await until('all of it came back', () => got === big.length);
  });

  it('ends a client that does not speak TLS, and goes on with others', async () => {
    const { port } = await tcpSsl(await pod((socket) => socket.end('hi')));
    const { connect: connectPlain } = await import('node:net');
    const plain = connectPlain(fixture.addresses.socketOf(lb.vip, port));
    plain.on('error', () => undefined);
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await closed(plain);
    const socket = dial(port);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toBe('hi');
  });

  it('cuts its connections with their target, and resets what no target takes', async () => {
    const echo = await pod((socket) => socket.pipe(socket));
    const { id, port } = await tcpSsl(echo);
    const socket = dial(port);
    socket.write('hello');
    await once(socket, 'data');
    const over = closed(socket);
    await fixture.deregister(lb.id, [{ listenerId: id, ip: echo.ip, port: echo.port }]);
    await over;
    const late = dial(port);
    await closed(late);
  });

  it('asks for a certificate where both sides show one', async () => {
    const { port } = await tcpSsl(await pod((socket) => socket.end('hi')), {
      SSLMode: 'MUTUAL',
      CertCaId: certificateOf('client.example.com').id,
    });
    const { certPem: cert, keyPem: key } = certificateOf('client.example.com');
    const [answer] = await once(dial(port, { cert, key }), 'data');
    expect(String(answer)).toBe('hi');
    let got = false;
    const without = dial(port);
    without.on('data', () => {
      got = true;
    });
    await closed(without);
    const other = certificateOf('two.example.com');
    const stranger = dial(port, { cert: other.certPem, key: other.keyPem });
    stranger.on('data', () => {
      got = true;
    });
    await closed(stranger);
    expect(got).toBe(false);
  });

  it('shows another certificate to the next client once it is given one', async () => {
    const { id, port } = await tcpSsl(await pod((socket) => socket.pipe(socket)));
    const before = dial(port);
    expect(await shown(before)).toBe('one.example.com');
    const { id: CertId } = certificateOf('two.example.com');
    await fixture.done(
      await fixture.client.ModifyListener({
        LoadBalancerId: lb.id,
        ListenerId: id,
        Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId },
      }),
    );
    expect(await shown(dial(port, { servername: 'two.example.com' }))).toBe('two.example.com');
    before.write('still');
    const [answer] = await once(before, 'data');
    expect(String(answer)).toBe('still');
  });
});

describe('a HTTPS listener', () => {
  const secured = async (
    rules: readonly { readonly domain: string; readonly certificate?: string }[],
    more: object,
  ): Promise<{ port: number; pods: HttpPod[] }> => {
    const made = await newListener({ Protocol: 'HTTPS', ...more });
    const answer = await fixture.client.CreateRule({
      LoadBalancerId: lb.id,
      ListenerId: made.id,
      Rules: rules.map(({ domain, certificate }) => ({
        Domain: domain,
        Url: '/',
        HealthCheck: { HealthSwitch: 0 },
        ...(certificate === undefined
          ? {}
          : { Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: certificateOf(certificate).id } }),
      })),
    });
    await fixture.done(answer);
    const pods: HttpPod[] = [];
    for (const locationId of answer.LocationIds ?? []) {
      const started = await startHttpPod(fixture.addresses, 8_080);
      ends.push(started.close);
      pods.push(started);
      await fixture.register(lb.id, [
        { listenerId: made.id, locationId, ip: started.ip, port: started.port, weight: 10 },
      ]);
    }
    return { port: made.port, pods };
  };

  /** Body and certificate of one request. */
  const ask = async (port: number, host: string): Promise<{ body: string; certificate: unknown }> => {
    const asked = request({
      ...fixture.addresses.socketOf(lb.vip, port),
      servername: host,
      headers: { host },
      ca: [...certificates.values()].map(({ certPem }) => certPem),
      agent: false,
    });
    asked.end();
    const [response] = await once(asked, 'response');
    const certificate = response.socket.getPeerCertificate().subject.CN;
    let body = '';
    for await (const chunk of response) body += String(chunk);
    return { body, certificate };
  };

  it('tells its targets that the client came by https', async () => {
    const { port, pods } = await secured([{ domain: 'one.example.com' }], { Certificate: one() });
    const [first] = pods;
    expect(await ask(port, 'one.example.com')).toEqual({ body: first?.ip, certificate: 'one.example.com' });
    const [came] = first?.requests ?? [];
    expect(came?.headers).toMatchObject({
      host: 'one.example.com',
      'x-forwarded-proto': 'https',
      'x-client-proto': 'https',
    });
    expect(came?.headers['x-forwarded-for']).toMatch(/^(10|127)\./);
  });

  it('with SNI shows each domain’s own certificate, the default one’s to who asks for another or none', async () => {
    const { port, pods } = await secured(
      [
        { domain: 'one.example.com', certificate: 'one.example.com' },
        { domain: 'two.example.com', certificate: 'two.example.com' },
      ],
      { SniSwitch: 1 },
    );
    for (const [at, name] of ['one.example.com', 'two.example.com'].entries()) {
      expect(await ask(port, name)).toEqual({ body: pods[at]?.ip, certificate: name });
    }
    const anyName = { checkServerIdentity: () => undefined };
    expect(await shown(dial(port, { ...anyName, servername: 'other.example.com' }))).toBe('one.example.com');
    expect(await shown(dial(port, { ...anyName, servername: '' }))).toBe('one.example.com');
  });

  it('upgrades to a WebSocket as HTTP does', async () => {
    const { port, pods } = await secured([{ domain: 'one.example.com' }], { Certificate: one() });
    pods[0]?.server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    const asked = request({
      ...fixture.addresses.socketOf(lb.vip, port),
      servername: 'one.example.com',
      ca: certificateOf('one.example.com').certPem,
      headers: { host: 'one.example.com', connection: 'Upgrade', upgrade: 'echo' },
    });
    asked.end();
    const [response, socket] = await once(asked, 'upgrade');
    ends.push(() => socket.destroy());
    expect(response.statusCode).toBe(101);
    socket.write('ping');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toBe('ping');
  });
});
