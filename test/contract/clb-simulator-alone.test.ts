import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import { expect, it, vi } from 'vitest';
import { type ClbAloneOptions, runClbAlone } from '../../infra/sandbox/clb/alone.ts';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import { codeOf, failureOf, type SdkClient, until } from './clb-simulator-fixture.ts';

interface Alone {
  readonly ready: Readonly<Record<string, unknown>>;
  /** What it wrote to stderr so far. */
  readonly said: () => string;
  /** The SDK over HTTPS where there is some, else over HTTP. */
  readonly client: (ca?: string) => SdkClient;
  end(): Promise<void>;
}

const startAlone = async (options: Partial<ClbAloneOptions> = {}): Promise<Alone> => {
  const [written, errors]: [string[], string[]] = [[], []];
  const keep = (into: string[]) => (chunk: Uint8Array | string) => {
    into.push(String(chunk));
    return true;
  };
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(keep(written));
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(keep(errors));
  const abort = new AbortController();
  const listen = { host: '127.0.0.1', port: 0 };
  const running = runClbAlone({ listen, speed: 100, signal: abort.signal, ...options });
  try {
    await until('it is ready', () => written.length > 0);
  } finally {
    stdout.mockRestore();
  }
  expect(written).toHaveLength(1);
  expect(written[0]?.trim()).not.toContain('\n');
  const ready: Record<string, unknown> = JSON.parse(written[0] ?? '');
  return {
    ready,
    said: () => errors.join(''),
    client: (ca) => {
      const url = new URL(String(ready['httpsUrl'] ?? ready['url']));
      return new clb.v20180317.Client({
        credential: { secretId: String(ready['secretId']), secretKey: String(ready['secretKey']) },
        region: String(ready['region']),
        profile: {
          httpProfile: {
            protocol: `${url.protocol}//`,
            endpoint: url.host,
            ...(ca === undefined ? {} : { agent: new Agent({ ca }) }),
          },
        },
      });
    },
    end: async () => {
      abort.abort();
      await running;
      stderr.mockRestore();
    },
  };
};

it('the simulator alone says in one line of JSON how to reach it, and ends when it is told to', async () => {
  const { ready, client, end } = await startAlone();
  expect(ready).toEqual({
    ready: true,
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    region: 'ap-guangzhou',
    secretId: expect.stringMatching(/^AKID[A-Za-z0-9]{32}$/),
    secretKey: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
    vpcId: expect.stringMatching(/^vpc-[0-9a-z]{8}$/),
    vpcCidr: expect.stringMatching(/^10\.\d+\.0\.0\/16$/),
    loopbackCidr: String(ready['vpcCidr']).replace('10.', '127.'),
  });
  expect((await client().DescribeLoadBalancers({})).TotalCount).toBe(0);
  await end();
  expect((await failureOf(client().DescribeLoadBalancers({}))).message).toMatch(/ECONNREFUSED|hang up/);
});

it('over HTTPS it says where its authority is, and takes that away in the end', async () => {
  const { ready, client, end } = await startAlone({ https: {} });
  const caFile = String(ready['caFile']);
  expect((await client(readFileSync(caFile, 'utf8')).DescribeLoadBalancers({})).TotalCount).toBe(0);
  await end();
  expect(existsSync(caFile)).toBe(false);
});

it('shows a certificate that it is given as files, and says of no authority', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clb-alone-'));
  const [certificateFile, keyFile] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  const made = await makeServerCertificate(['127.0.0.1']);
  await writeFile(certificateFile, made.certificatePem);
  await writeFile(keyFile, made.keyPem);
  const { ready, client, end } = await startAlone({ https: { given: { certificateFile, keyFile } } });
  expect(ready).not.toHaveProperty('caFile');
  expect((await client(made.caPem).DescribeLoadBalancers({})).TotalCount).toBe(0);
  await end();
  await rm(folder, { recursive: true });
});

it('has the faults, settings and network that it is given, and without a terminal tells each second in a line', async () => {
  const { ready, client, said, end } = await startAlone({
    vpcCidr: '172.16.0.0/12',
    settings: { quotaListeners: 3 },
    faults: [
      { action: 'DescribeListeners', effect: { kind: 'error', code: 'InternalError' } },
      { action: 'DescribeQuota', effect: { kind: 'changed-by-hand', action: 'DeleteListener' } },
    ],
  });
  expect(ready['vpcCidr']).toBe('172.16.0.0/12');
  const { QuotaSet } = await client().DescribeQuota();
  expect(QuotaSet).toContainEqual({ QuotaId: 'TOTAL_LISTENER_QUOTA', QuotaCurrent: null, QuotaLimit: 3 });
  expect(await codeOf(client().DescribeListeners({ LoadBalancerId: 'lb-00000000' }))).toBe('InternalError');
  await until('the failure is told', () => said().includes('DescribeListeners InternalError'));
  expect(said()).toMatch(/^By hand: .*LoadBalancerId/m);
  expect(said()).toMatch(/^\d\d:\d\d:\d\d .*DescribeListeners 1; DescribeListeners InternalError$/m);
  await end();
});
