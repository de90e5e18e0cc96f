import { once } from 'node:events';
import { request } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SelfSigned, selfSigned } from '../contract/clb-simulator-certificates-fixture.ts';
import {
  type Fixture,
  type PodServer,
  type SdkClient,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';
import { answerOf, type HttpPod, startHttpPod } from '../contract/clb-simulator-http-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 7_000;
const names = ['a.example.com', 'b.example.com', 'other.example.com', 'client'] as const;
type Name = (typeof names)[number];
const files = new Map<Name, SelfSigned & { readonly id: string }>();
const closers: (() => unknown)[] = [];
const off = { HealthSwitch: 0 };

const file = (name: Name): SelfSigned & { readonly id: string } => {
  const found = files.get(name);
  if (found === undefined) throw new Error(`No certificate ${name}.`);
  return found;
};

beforeAll(async () => {
  fixture = await startFixture({ settings: { quotaListeners: 500 } });
  lb = await fixture.createLoadBalancer();
  const { certificates } = fixture.simulator;
  for (const name of names) {
    const made = await selfSigned(name);
    const { id } = certificates.add({ name, certPem: made.certPem, ...(name === 'client' ? {} : made) });
    files.set(name, { ...made, id });
  }
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => fixture.close());

type NewListener = Partial<Parameters<SdkClient['CreateListener']>[0]>;
type RuleInput = Parameters<SdkClient['CreateRule']>[0]['Rules'][number];

const listen = async (more: NewListener): Promise<{ id: string; port: number }> => {
  nextPort += 1;
  const port = nextPort;
  const [id = ''] = await fixture.createListeners(lb.id, [port], more);
  return { id, port };
};

const mutual = (verifyClient: 'ON' | 'OPTIONAL') => ({
  CertId: file('a.example.com').id,
  SSLMode: 'MUTUAL',
  CertCaId: file('client').id,
  SSLVerifyClient: verifyClient,
});

const options = (port: number, more: ConnectionOptions): ConnectionOptions => ({
  ...fixture.addresses.socketOf(lb.vip, port),
  ca: [...files.values()].map(({ certPem }) => certPem),
  servername: 'a.example.com',
  ...more,
});

interface Client {
  readonly socket: TLSSocket;
  /** All that was received so far. */
  text(): string;
  /** `closed` or an error code; undefined while the connection lasts. */
  ended(): string | undefined;
}

/** A connection whose server has shown a certificate that the client trusts for the name. */
const secure = async (port: number, more: ConnectionOptions = {}): Promise<Client> => {
  const socket = connect(options(port, more));
  closers.push(() => socket.destroy());
  let text = '';
  let ended: string | undefined;
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.once('error', (error) => {
    ended = 'code' in error ? String(error.code) : error.message;
  });
  socket.once('close', () => {
    ended ??= 'closed';
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return { socket, text: () => text, ended: () => ended };
};

const shown = async (port: number, servername: string): Promise<string> => {
  const { socket } = await secure(port, { servername, rejectUnauthorized: false });
  return String(socket.getPeerCertificate().subject.CN);
};

/** The first line that came, or how the connection ended. */
const firstLine = ({ text, ended }: Client): Promise<string> =>
  until('a line or the end', () => (text().includes('\n') ? text() : ended()));

describe('a TCP_SSL listener', () => {
  const serving = async (more: NewListener = {}): Promise<{ a: PodServer; port: number; id: string }> => {
    const a = await startPod(fixture.addresses, 8_080);
    closers.push(a.close);
    const made = await listen({
      Protocol: 'TCP_SSL',
      Certificate: { CertId: file('a.example.com').id },
      HealthCheck: off,
      ...more,
    });
    await fixture.register(lb.id, [{ listenerId: made.id, ip: a.ip, port: a.port }]);
    return { a, ...made };
  };

  it('decrypts for its targets, which see the load balancer, and counts what goes through', async () => {
    const { a, port } = await serving();
    const client = await secure(port);
    client.socket.write('ping\n');
    await until('the echo', () => client.text().endsWith('ping\n'));
    const seen = fixture.addresses.mode === 'range' ? lb.vip : '127.0.0.1';
    expect(client.text()).toBe(`${a.ip} ${seen}\nping\n`);
    client.socket.end();
    await until('the target is left', () => fixture.target(a.ip).connections === 0);
    expect(fixture.target(a.ip)).toMatchObject({ totalConnections: 1 });
    expect(fixture.target(a.ip).bytesToTarget).toBeGreaterThanOrEqual(5);
  });

  it('shows a new certificate to new connections; old ones go on', async () => {
    const { id, port } = await serving();
    const old = await secure(port);
    await fixture.done(
      await fixture.client.ModifyListener({
        LoadBalancerId: lb.id,
        ListenerId: id,
        Certificate: { CertId: file('b.example.com').id },
      }),
    );
    expect(await shown(port, 'a.example.com')).toBe('b.example.com');
    expect(await firstLine(old)).toContain('10.');
  });

  it('lets clients pass by their certificate as its mode says', async () => {
    const trusted = { cert: file('client').certPem, key: file('client').keyPem };
    const stranger = { cert: file('b.example.com').certPem, key: file('b.example.com').keyPem };
    const refusals: string[] = [];
    closers.push(fixture.simulator.on('refused', ({ reason }) => void refusals.push(reason)));
    for (const verify of ['ON', 'OPTIONAL'] as const) {
      const { a, port } = await serving({ Certificate: mutual(verify) });
      const outcome = async (more: ConnectionOptions): Promise<boolean> =>
        (await firstLine(await secure(port, more))).startsWith(`${a.ip} `);
      expect([await outcome(trusted), await outcome({}), await outcome(stranger)], verify).toEqual([
        true,
        verify === 'OPTIONAL',
        false,
      ]);
    }
    expect(refusals).toHaveLength(3);
    expect(refusals.every((reason) => reason.startsWith('TLS '))).toBe(true);
  });

  it('resets clients when it is deleted, and without a target', async () => {
    const { a, id, port } = await serving();
    const place = { LoadBalancerId: lb.id, ListenerIds: [id] };
    const kept = await secure(port);
    await fixture.done(await fixture.client.DeleteLoadBalancerListeners(place));
    await until('the client is cut', () => kept.ended());
    await until('the target too', () => a.sockets.size === 0);
    const empty = await listen({
      Protocol: 'TCP_SSL',
      Certificate: { CertId: file('a.example.com').id },
      HealthCheck: off,
    });
    expect(await firstLine(await secure(empty.port))).toBe('ECONNRESET');
  });
});

describe('an HTTPS listener', () => {
  const pod = async (handle?: Parameters<typeof startHttpPod>[2]): Promise<HttpPod> => {
    const started = await startHttpPod(fixture.addresses, 8_080, handle);
    closers.push(started.close);
    return started;
  };

  const site = async (
    target: HttpPod,
    rules: readonly Partial<RuleInput>[],
    more: NewListener,
  ): Promise<{ id: string; port: number }> => {
    const made = await listen({ Protocol: 'HTTPS', ...more });
    const answer = await fixture.client.CreateRule({
      LoadBalancerId: lb.id,
      ListenerId: made.id,
      Rules: rules.map((rule) => ({ Url: '/', HealthCheck: off, ...rule })),
    });
    await fixture.done(answer);
    await fixture.register(
      lb.id,
      (answer.LocationIds ?? []).map((locationId) => ({
        listenerId: made.id,
        locationId,
        ip: target.ip,
        port: target.port,
      })),
    );
    return made;
  };

  const ask = (port: number, path = '/', more: ConnectionOptions = {}) => {
    const asked = request({
      ...fixture.addresses.socketOf(lb.vip, port),
      ca: [...files.values()].map(({ certPem }) => certPem),
      servername: 'a.example.com',
      agent: false,
      path,
      headers: { host: `a.example.com:${port}` },
      ...more,
    });
    const answer = answerOf(asked);
    asked.end();
    return answer;
  };

  it('tells targets that the client came by https, over plain HTTP, and redirects to https', async () => {
    const a = await pod((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    const { port } = await site(a, [{ Domain: 'a.example.com', Url: '/in/' }], {
      Certificate: { CertId: file('a.example.com').id },
    });
    const { body } = await ask(port, '/in/');
    expect(JSON.parse(body)).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-client-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    });
    expect((await ask(port, '/in')).headers.location).toBe(`https://a.example.com:${port}/in/`);
  });

  it('carries a WebSocket and ends it with the listener', async () => {
    const a = await pod();
    a.server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    const { id, port } = await site(a, [{ Domain: 'a.example.com' }], {
      Certificate: { CertId: file('a.example.com').id },
    });
    const client = await secure(port);
    client.socket.write('GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await until('the other protocol', () => client.text().endsWith('\r\n\r\n'));
    client.socket.write('hello');
    await until('the echo', () => client.text().endsWith('hello'));
    await fixture.done(
      await fixture.client.DeleteLoadBalancerListeners({ LoadBalancerId: lb.id, ListenerIds: [id] }),
    );
    await until('the client is cut', () => client.ended());
  });

  it('shows with SNI each domain its own certificate, and that of the default domain to all others', async () => {
    const { port } = await site(
      await pod(),
      [
        { Domain: 'a.example.com', Certificate: { CertId: file('a.example.com').id } },
        { Domain: 'b.example.com', Certificate: { CertId: file('b.example.com').id }, DefaultServer: true },
        { Domain: '*.example.com', Certificate: { CertId: file('other.example.com').id } },
      ],
      { SniSwitch: 1 },
    );
    const table = { 'a.example.com': 'a', 'b.example.com': 'b', 'x.example.com': 'other', 'nobody.org': 'b' };
    for (const [name, expected] of Object.entries(table)) {
      expect(await shown(port, name), name).toBe(`${expected}.example.com`);
    }
    expect(await shown(port, '')).toBe('b.example.com');
  });

  it('asks with SNI only the clients of a MUTUAL domain for a certificate', async () => {
    const a = await pod();
    const { port } = await site(
      a,
      [
        { Domain: 'a.example.com', Certificate: mutual('ON') },
        { Domain: 'b.example.com', Certificate: { CertId: file('b.example.com').id } },
      ],
      { SniSwitch: 1 },
    );
    const own = { cert: file('client').certPem, key: file('client').keyPem };
    expect((await ask(port, '/', own)).body).toBe(a.ip);
    await expect(ask(port)).rejects.toThrow();
    expect((await ask(port, '/', { servername: 'b.example.com' })).body).toBe(a.ip);
  });

  it('resets clients while it has no certificate to show', async () => {
    const { port } = await listen({ Protocol: 'HTTPS', SniSwitch: 1 });
    await expect(secure(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
