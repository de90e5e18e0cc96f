import type { ListenAddress } from '../../shared/process/setting-table.ts';

/** An address that was configured cannot be listened on. */
export class CannotListenError extends Error {
  readonly what: 'webhook' | 'health';
  readonly address: ListenAddress;

  constructor(what: 'webhook' | 'health', address: ListenAddress, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.name = 'CannotListenError';
    this.what = what;
    this.address = address;
  }
}

/** @throws CannotListenError when `start` throws */
export const listening = <T>(
  what: 'webhook' | 'health',
  address: ListenAddress,
  start: () => Promise<T>,
): Promise<T> =>
  start().catch((error: unknown) => {
    throw new CannotListenError(what, address, error);
  });
