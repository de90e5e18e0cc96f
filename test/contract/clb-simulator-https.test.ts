import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import { type Fixture, failureOf, type SdkClient, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture({ https: {} });
});
afterAll(() => fixture.close());

const portOf = (url: string | undefined): number => Number(new URL(url ?? 'http://none').port);

/** The SDK under a host name of the API; only the name's resolution is ours. */
const sdkOver = (endpoint: string, { httpsUrl, caPem, ...key } = fixture.simulator): SdkClient =>
  new clb.v20180317.Client({
    credential: { secretId: key.secretId, secretKey: key.secretKey },
    region: key.region,
    profile: {
      httpProfile: {
        endpoint,
        agent: new Agent({ host: '127.0.0.1', port: portOf(httpsUrl), ca: caPem ?? '' }),
      },
    },
  });

/** `trusted`, or why not. */
const handshake = (socket: TLSSocket): Promise<string> =>
  new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('trusted'));
    socket.once('error', (error) => resolve(error.message));
    socket.once('close', () => resolve('closed'));
  }).finally(() => socket.destroy());

describe('the API over HTTPS', () => {
  it.each([
    'clb.tencentcloudapi.com',
    'clb.ap-guangzhou.tencentcloudapi.com',
    'clb.internal.tencentcloudapi.com',
    'clb.intl.tencentcloudapi.com',
  ])('the SDK signs for %s and is answered', async (host) => {
    expect((await sdkOver(host).DescribeLoadBalancers({})).TotalCount).toBe(0);
  });

  it('shows a certificate of its own authority for every name of the API, and for no other', async () => {
    const { httpsUrl, caPem } = fixture.simulator;
    const shown = (servername: string, ca = caPem ?? ''): Promise<string> =>
      handshake(connect({ host: '127.0.0.1', port: portOf(httpsUrl), servername, ca }));
    for (const name of [
      'clb.ap-singapore.tencentcloudapi.com',
      'clb.eu-frankfurt.tencentcloudapi.com',
      'clb-again.tencentcloudapi.com',
      'localhost',
      'clb.localhost',
    ]) {
      expect([name, await shown(name)]).toEqual([name, 'trusted']);
    }
    expect(await shown('clb.example.com')).toContain('does not match certificate');
    const { caPem: another } = await makeServerCertificate(['localhost']);
    expect(await shown('localhost', another)).not.toBe('trusted');
    const byAddress = connect({ host: '127.0.0.1', port: portOf(httpsUrl), ca: caPem ?? '' });
    expect(await handshake(byAddress)).toBe('trusted');
  });

  it('shows the certificate that it is given', async () => {
    const identity = await makeServerCertificate(['given.example.com']);
    const other = await startFixture({ https: { identity } });
    try {
      const socket = connect({
        host: '127.0.0.1',
        port: portOf(other.simulator.httpsUrl),
        servername: 'given.example.com',
        ca: identity.caPem,
      });
      expect(await handshake(socket)).toBe('trusted');
    } finally {
      await other.close();
    }
  });

  it('one state behind HTTP and HTTPS', async () => {
    const { id } = await fixture.createLoadBalancer();
    const { LoadBalancerSet } = await sdkOver('clb.tencentcloudapi.com').DescribeLoadBalancers({});
    expect(LoadBalancerSet?.map(({ LoadBalancerId }) => LoadBalancerId)).toEqual([id]);
  });
});

describe('its proxy', () => {
  /** What a client does that has it as its https_proxy. */
  const tunnel = async (
    path: string,
  ): Promise<{ status: number | undefined; socket: IncomingMessage['socket'] }> => {
    const asked = httpRequest({
      host: '127.0.0.1',
      port: portOf(fixture.simulator.url),
      method: 'CONNECT',
      path,
    });
    asked.end();
    const [response, socket] = await once(asked, 'connect');
    return { status: response.statusCode, socket };
  };

  it('leads to the API under its own names', async () => {
    const { status, socket } = await tunnel('clb.ap-guangzhou.tencentcloudapi.com:443');
    expect(status).toBe(200);
    const servername = 'clb.ap-guangzhou.tencentcloudapi.com';
    expect(await handshake(connect({ socket, servername, ca: fixture.simulator.caPem ?? '' }))).toBe(
      'trusted',
    );
  });

  it.each([
    'example.com:443',
    'tencentcloudapi.com.example.com:443',
    'clb.tencentcloudapi.com:22',
    '127.0.0.1:443',
  ])('leads nowhere else: %s', async (path) => {
    const { status, socket } = await tunnel(path);
    expect(status).toBe(403);
    socket.destroy();
  });

  it('a key and a certificate that are no pair are told at once', async () => {
    const [one, two] = await Promise.all([
      makeServerCertificate(['a.test']),
      makeServerCertificate(['b.test']),
    ]);
    const mixed = { certificatePem: one.certificatePem, keyPem: two.keyPem };
    const failure = await failureOf(startFixture({ https: { identity: mixed } }));
    expect(failure.message).toMatch(/key values mismatch/i);
  });
});
