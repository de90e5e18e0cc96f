import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claimAddresses } from '../addresses.ts';
import { createPrivateFolder } from '../private-folder.ts';
import { showClb } from '../screen/clb-display.ts';
import type { Fault } from './faults.ts';
import type { Credential } from './gateway/credentials.ts';
import type { ClbSettings } from './settings.ts';
import { type HttpsOptions, startClbSimulator } from './simulator.ts';

export interface HttpsAlone {
  /** Default: the host of HTTP, and any port. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** PEM, the certificate first, then its chain. Default: a certificate is made. */
  readonly given?: { readonly certificateFile: string; readonly keyFile: string };
  /** Where to write who vouches for the one that was made. Default: a file that goes when this ends. */
  readonly caFile?: string;
}

export interface ClbAloneOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** HTTPS too. */
  readonly https?: HttpsAlone;
  /** Divides all simulated times. Default: 1. */
  readonly speed?: number;
  /** Ends it; SIGTERM and SIGINT do too. */
  readonly signal?: AbortSignal;
  readonly region?: string;
  readonly credentials?: Credential;
  readonly settings?: Partial<ClbSettings>;
  /** Where targets may lie. Default: that of the addresses. */
  readonly vpcCidr?: string;
  readonly faults?: readonly Fault[];
}

const ended = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      process.off('SIGTERM', end);
      process.off('SIGINT', end);
      resolve();
    };
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end, { once: true });
  });

const httpsOf = async ({ listen, given }: HttpsAlone): Promise<HttpsOptions> => {
  const where = listen === undefined ? {} : { listen };
  if (given === undefined) return where;
  const [certificatePem, keyPem] = await Promise.all(
    [given.certificateFile, given.keyFile].map((file) => readFile(file, 'utf8')),
  );
  return { ...where, identity: { certificatePem: certificatePem ?? '', keyPem: keyPem ?? '' } };
};

/**
 * Runs a CLB simulator alone, for other people's clients, until it is told to end. Prints one line of JSON on
 * stdout when it is ready, warnings on stderr, and shows what is asked of it: on a terminal as a screen, else on stderr as
 * a line a second.
 *
 * @throws Error when the address cannot be listened on
 */
export const runClbAlone = async (options: ClbAloneOptions): Promise<void> => {
  const { signal, https, faults = [], ...simulated } = options;
  const ends: (() => unknown)[] = [];
  try {
    const addresses = await claimAddresses();
    ends.push(addresses.release);
    const simulator = await startClbSimulator({
      ...simulated,
      ...(https === undefined ? {} : { https: await httpsOf(https) }),
      addresses,
      // Its warning is shown; what somebody has set up here does not end with it.
      onDefect: () => undefined,
    });
    ends.push(simulator.close);
    for (const fault of faults) simulator.faults.inject(fault);
    const { url, httpsUrl, caPem, region, secretId, secretKey, vpcId, vpcCidr } = simulator;
    let caFile = https?.caFile;
    if (caPem !== undefined) {
      if (caFile === undefined) {
        const folder = createPrivateFolder();
        ends.push(folder.remove);
        caFile = join(folder.path, 'clb-ca.pem');
      }
      await writeFile(caFile, caPem);
    }
    const end = ended(signal);
    const tls = httpsUrl === undefined ? {} : { httpsUrl, ...(caPem === undefined ? {} : { caFile }) };
    // `10.N.b.c` of a load balancer is `127.N.b.c` here.
    const loopback =
      addresses.mode === 'range' ? { loopbackCidr: addresses.vpcCidr.replace(/^10\./, '127.') } : {};
    const facts = { url, ...tls, region, secretId, secretKey, vpcId, vpcCidr, ...loopback };
    process.stdout.write(`${JSON.stringify({ ready: true, ...facts })}\n`);
    ends.push(showClb({ simulator, out: process.stdout, log: process.stderr, facts: Object.entries(facts) }));
    await end;
  } finally {
    for (const end of ends.reverse()) await end();
  }
};
