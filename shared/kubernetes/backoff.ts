import type { Random } from '../model/clock.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { type RestartReason, StreamEnd } from './stream-end.ts';

export const reasonOf = (error: unknown): RestartReason => {
  if (error instanceof StreamEnd) return error.reason;
  if (!(error instanceof KubernetesError)) return 'unreachable';
  if (error.status === 0) return error.reason === 'Unreadable' ? 'unreadable' : 'unreachable';
  if (error.status === 410) return 'expired';
  if (error.status === 429) return 'throttled';
  if (error.status === 401 || error.status === 403) return 'unauthorized';
  return error.status === 404 ? 'not-served' : 'refused';
};

/** A server that was away is noticed again within this: it is only a connection that is tried. */
const unreachable = { firstMs: 100, maxMs: 5_000 };
/** A server that cannot answer yet (it starts, its storage is away). */
const troubled = { firstMs: 500, maxMs: 5_000 };
/** A server that refuses what is asked will mostly go on doing so. */
const refused = { firstMs: 500, maxMs: 30_000 };

const pauseFor = (error: unknown, reason: RestartReason): typeof refused => {
  if (reason === 'unreachable' || reason === 'idle' || reason === 'ended') return unreachable;
  return error instanceof KubernetesError && error.status >= 500 ? troubled : refused;
};

/**
 * How long to stay away, in ms: doubling from the first failure in a row, between half and all of it by chance, so
 * that many clients do not come back at once. What the server asks for (`Retry-After`) is never undercut.
 *
 * @param failures in a row, from 1
 */
export const delayMs = (error: unknown, failures: number, random: Random): number => {
  const reason = reasonOf(error);
  if (reason === 'asked') return 0;
  // The first 410, or the first end, is the ordinary course of a watch.
  if (failures <= 1 && (reason === 'expired' || reason === 'ended')) return 0;
  const { firstMs, maxMs } = pauseFor(error, reason);
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20));
  const own = ceiling * (0.5 + random() / 2);
  const asked = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
  return asked > 0 ? Math.max(own, asked * (1 + random() / 10)) : own;
};
