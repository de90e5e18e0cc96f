import { randomBytes } from 'node:crypto';

/** An access key of the simulated account. */
export interface Credential {
  readonly secretId: string;
  readonly secretKey: string;
  /** Temporary keys need it in X-TC-Token. */
  readonly token?: string;
  /** ms since the epoch. */
  readonly expiresAtMs?: number;
  /** Actions that CAM allows; absent: all. */
  readonly allowedActions?: readonly string[];
}

/** A long-term key as the console makes them. */
export const newCredential = (): Credential => ({
  secretId: `AKID${randomBytes(24).toString('base64url').replace(/[-_]/g, 'x')}`,
  secretKey: randomBytes(24).toString('base64url').replace(/[-_]/g, 'x'),
});
