import { claimAddresses } from '../addresses.ts';
import type { Credential } from './gateway/credentials.ts';
import type { ClbSettings } from './settings.ts';
import { startClbSimulator } from './simulator.ts';

export interface ClbAloneOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Divides all simulated times. Default: 1. */
  readonly speed?: number;
  /** Ends it; SIGTERM and SIGINT do too. */
  readonly signal?: AbortSignal;
  readonly region?: string;
  readonly credentials?: Credential;
  readonly settings?: Partial<ClbSettings>;
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

/**
 * Runs a CLB simulator alone, for other people's clients, until it is told to end. Prints one line of JSON on
 * stdout when it is ready, warnings on stderr.
 *
 * @throws Error when the address cannot be listened on
 */
export const runClbAlone = async (options: ClbAloneOptions): Promise<void> => {
  const { signal, ...simulated } = options;
  const addresses = await claimAddresses();
  try {
    const simulator = await startClbSimulator({ ...simulated, addresses });
    simulator.on('warning', (warning) => process.stderr.write(`${warning}\n`));
    const end = ended(signal);
    const { url, region, secretId, secretKey, vpcId, vpcCidr } = simulator;
    process.stdout.write(
      `${JSON.stringify({ ready: true, url, region, secretId, secretKey, vpcId, vpcCidr })}\n`,
    );
    await end;
    await simulator.close();
  } finally {
    await addresses.release();
  }
};
