import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import { internalError } from '../../infra/sandbox/clb/api-error.ts';
import type { FaultCall } from '../../infra/sandbox/clb/faults.ts';
import { newCredential } from '../../infra/sandbox/clb/gateway/credentials.ts';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { type ClbSimulator, startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import { inUrls, short, whole } from './scenario/scenario.ts';
import type { Key, Pass, Work } from './scenario/step.ts';

/** Times of the simulator are divided by it, so that a health check takes a second or two. */
const speed = 20;

/** A simulator with nothing in it, and two addresses to bind: one answers, nobody listens on the other. */
export interface World {
  readonly caFile: string;
  /** The HTTP address, which is also the proxy that leads to the API under its own names. */
  readonly url: string;
  /** How many steps a runner has to report. */
  readonly steps: number;
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

/** Keys of one account, and those that are not quite. */
const keysOf = (simulator: ClbSimulator): Record<string, Key> => {
  const { secretId, secretKey } = simulator;
  const temporary = { ...newCredential(), token: 'token-of-temporary-keys' };
  const expired = { ...newCredential(), token: 'token-of-expired-keys' };
  const reader = newCredential();
  simulator.addCredential(temporary);
  simulator.addCredential({ ...expired, expiresAtMs: Date.now() - 1_000 });
  simulator.addCredential({ ...reader, allowedActions: ['DescribeLoadBalancers'] });
  return {
    main: { secretId, secretKey },
    unknown: newCredential(),
    forged: { secretId, secretKey: newCredential().secretKey },
    temporary,
    stolen: { ...temporary, token: 'token-of-somebody-else' },
    expired,
    reader,
    nowhere: { secretId, secretKey, region: 'ap-nowhere' },
    elsewhere: { secretId, secretKey, region: 'ap-singapore' },
  };
};

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

/**
 * @param folder where its files are written to
 * @param without passes that are left out
 */
export const startWorld = async (folder: string, without: readonly string[]): Promise<World> => {
  const addresses = await claimAddresses();
  const [one, two] = await Promise.all([
    makeServerCertificate(['a.example.com']),
    makeServerCertificate(['b.example.com']),
  ]);
  const simulator = await startClbSimulator({
    listen: { host: '127.0.0.1', port: 0 },
    https: {},
    addresses,
    speed,
    settings: {
      ...defaultSettings,
      // So long that a second write meets the first one, also on a busy machine.
      modifyListenerMs: [1_000 * speed, 1_000 * speed],
    },
  });
  const [live, dead] = [addresses.allocate('pod'), addresses.allocate('pod')];
  const target = await liveTarget(addresses, live);
  const file = (name: string): string => join(folder, name);
  const given = {
    run: 'w',
    live,
    dead,
    vpc: simulator.vpcId,
    oneCertificate: one.certificatePem,
    oneKey: one.keyPem,
    twoCertificate: two.certificatePem,
    twoKey: two.keyPem,
  };
  const endpoint = simulator.url.slice('http://'.length);
  injectFaults(simulator);
  const passes: readonly Pass[] = [
    { name: 'http', scheme: 'http', method: 'POST', endpoint, steps: whole },
    { name: 'get', scheme: 'http', method: 'GET', endpoint, steps: inUrls },
    { name: 'https', scheme: 'https', method: 'POST', endpoint: 'clb.tencentcloudapi.com', steps: short },
  ];
  const work: Work = {
    passes: passes.filter(({ name }) => !without.includes(name)),
    keys: keysOf(simulator),
    region: simulator.region,
    caFile: file('ca.pem'),
    proxy: simulator.url,
    given,
    reportFile: file('report.jsonl'),
  };
  writeFileSync(work.caFile, simulator.caPem ?? '');
  writeFileSync(work.reportFile, '');
  writeFileSync(file('work.json'), JSON.stringify(work));
  return {
    caFile: work.caFile,
    url: simulator.url,
    steps: work.passes.reduce((sum, { steps }) => sum + steps.length, 0),
    reportFile: work.reportFile,
    workFile: file('work.json'),
    leftOver: () => simulator.state().loadBalancers.map(({ id }) => id),
    close: async () => {
      target.closeAllConnections();
      target.close();
      await simulator.close();
      await addresses.release();
    },
  };
};
