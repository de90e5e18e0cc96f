import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import { internalError } from '../../infra/sandbox/clb/api-error.ts';
import type { FaultCall } from '../../infra/sandbox/clb/faults.ts';
import { type Credential, newCredential } from '../../infra/sandbox/clb/gateway/credentials.ts';
import { initialSettings, strictSettings } from '../../infra/sandbox/clb/settings.ts';
import {
  type ClbSimulator,
  type HttpsOptions,
  startClbSimulator,
} from '../../infra/sandbox/clb/simulator.ts';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import { inUrls, short, strict, whole } from './scenario/scenario.ts';
import { type Key, later, type Pass, type Work } from './scenario/step.ts';

/** Times of the simulator are divided by it, so that a health check takes a second or two. */
const speed = 20;

/** A simulator of each kind with nothing in it, and two addresses to bind: one answers, nobody listens on the other. */
export interface World {
  readonly caFile: string;
  /** The HTTP address, which is also the proxy that leads to the API under its own names. */
  readonly url: string;
  /** How many steps of each a runner has to report. */
  readonly passes: readonly { readonly name: string; readonly steps: number }[];
  readonly reportFile: string;
  readonly workFile: string;
  /** What is there that should not be: load balancers that outlived the scenario. */
  leftOver(): readonly string[];
  close(): Promise<void>;
}

const liveTarget = async (addresses: Addresses, ip: string): Promise<Server> => {
  const server = createServer((_, response) => response.end('alive'));
  server.listen(addresses.socketOf(ip, 8080));
  await once(server, 'listening');
  return server;
};

/** Keys of one account, the first of them its main one. */
const credentialsOf = () => {
  const main = newCredential();
  const temporary = { ...newCredential(), token: 'token-of-temporary-keys' };
  const expired = { ...newCredential(), token: 'token-of-expired-keys', expiresAtMs: Date.now() - 1_000 };
  const reader = { ...newCredential(), allowedActions: ['DescribeLoadBalancers'] };
  return { main, temporary, expired, reader } satisfies Record<string, Credential>;
};
type Credentials = ReturnType<typeof credentialsOf>;

/** What a runner is told of them, and of keys that are not quite. */
const keysOf = ({ main, temporary, expired, reader }: Credentials): Record<string, Key> => ({
  main,
  unknown: newCredential(),
  forged: { ...main, secretKey: newCredential().secretKey },
  temporary,
  stolen: { ...temporary, token: 'token-of-somebody-else' },
  expired,
  reader,
  nowhere: { ...main, region: 'ap-nowhere' },
  elsewhere: { ...main, region: 'ap-singapore' },
});

/** Calls that name what is doomed meet a fault; the scenario has one for each. */
const injectFaults = ({ faults }: ClbSimulator): void => {
  const names = (text: string) => (call: FaultCall) => JSON.stringify(call.parameters).includes(text);
  faults.inject({
    action: 'BatchRegisterTargets',
    when: names('"Port":9999'),
    effect: { kind: 'fail-listeners', message: 'The backend is doomed.' },
  });
  faults.inject({
    action: 'ModifyListener',
    when: names('"doomed"'),
    effect: { kind: 'task-fails', message: 'The listener is doomed.' },
  });
  faults.inject({
    action: 'DescribeLoadBalancers',
    when: names('"doomed"'),
    effect: { kind: 'error', code: 'InternalError', message: internalError().message },
  });
};

/** Both kinds of simulator are of one account and one network, so that a runner needs no other keys for another pass. */
const startOne = async (
  addresses: Addresses,
  { main, ...others }: Credentials,
  kind: '' | 'strict',
  https?: HttpsOptions,
): Promise<ClbSimulator> => {
  const busyMs = 1_000 * speed;
  const simulator = await startClbSimulator({
    ...(https === undefined ? {} : { https }),
    listen: { host: '127.0.0.1', port: 0 },
    addresses,
    credentials: main,
    vpcId: 'vpc-w1tness0',
    speed,
    settings: {
      ...initialSettings(kind),
      // So long that a second write meets the first one, also on a busy machine,
      modifyListenerMs: [busyMs, busyMs],
      // and a batch the lock of the one before it, where locks outlive batches at length;
      ...(kind === 'strict' ? { batchLockTailMs: [busyMs / 2, strictSettings.batchLockTailMs[1]] } : {}),
      // nor must a task be forgotten between two calls.
      taskLifeMs: 60 * busyMs,
    },
  });
  for (const credential of Object.values(others)) simulator.addCredential(credential);
  injectFaults(simulator);
  return simulator;
};

/**
 * @param folder where its files are written to
 * @param isLed whether a pass is
 */
export const startWorld = async (folder: string, isLed: (pass: string) => boolean): Promise<World> => {
  const addresses = await claimAddresses();
  const [one, two] = await Promise.all([
    makeServerCertificate(['a.example.com']),
    makeServerCertificate(['b.example.com']),
  ]);
  const credentials = credentialsOf();
  const [usual, hard] = await Promise.all([
    startOne(addresses, credentials, '', {}),
    startOne(addresses, credentials, 'strict'),
  ]);
  const simulators = [usual, hard];
  const [live, dead] = [addresses.allocate('pod'), addresses.allocate('pod')];
  const target = await liveTarget(addresses, live);
  const file = (name: string): string => join(folder, name);
  const given = {
    run: 'w',
    live,
    dead,
    vpc: usual.vpcId,
    oneCertificate: one.certificatePem,
    oneKey: one.keyPem,
    twoCertificate: two.certificatePem,
    twoKey: two.keyPem,
  };
  const endpointOf = ({ url }: ClbSimulator): string => url.slice('http://'.length);
  const endpoint = endpointOf(usual);
  const passes: readonly Pass[] = [
    { name: 'http', scheme: 'http', method: 'POST', endpoint, steps: whole },
    { name: 'get', scheme: 'http', method: 'GET', endpoint, steps: inUrls },
    { name: 'https', scheme: 'https', method: 'POST', endpoint: 'clb.tencentcloudapi.com', steps: short },
    { name: 'strict', scheme: 'http', method: 'POST', endpoint: endpointOf(hard), steps: strict },
  ];
  const work: Work = {
    passes: passes.filter(({ name }) => isLed(name)),
    later,
    keys: keysOf(credentials),
    region: usual.region,
    caFile: file('ca.pem'),
    proxy: usual.url,
    given,
    reportFile: file('report.jsonl'),
  };
  writeFileSync(work.caFile, usual.caPem ?? '');
  writeFileSync(work.reportFile, '');
  writeFileSync(file('work.json'), JSON.stringify(work));
  return {
    caFile: work.caFile,
    url: usual.url,
    passes: work.passes.map(({ name, steps }) => ({ name, steps: steps.length })),
    reportFile: work.reportFile,
    workFile: file('work.json'),
    leftOver: () => simulators.flatMap((one) => one.state().loadBalancers.map(({ id }) => id)),
    close: async () => {
      target.closeAllConnections();
      target.close();
      await Promise.all(simulators.map((one) => one.close()));
      await addresses.release();
    },
  };
};
