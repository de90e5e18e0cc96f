import * as z from 'zod/mini';
import type { ReadinessRequest, ReconcileRequest } from './functions.ts';

const text = z.string().check(z.minLength(1));

const reconcileRequest: z.ZodMiniType<ReconcileRequest> = z.object({
  invocationId: text,
  loadBalancerKeys: z.array(text).check(z.maxLength(1_000)),
});

const readinessRequest: z.ZodMiniType<ReadinessRequest> = z.object({
  invocationId: text,
  unheld: z.array(
    z.object({
      kind: z.enum(['Service', 'Ingress', 'Pod', 'EndpointSlice']),
      namespace: text,
      name: text,
      uid: text,
    }),
  ),
});

/** Whoever invokes us sent something else. */
export class BadRequest extends Error {
  constructor(why: string) {
    super(`The event is no request of ours: ${why}`);
    this.name = 'BadRequest';
  }
}

const reader =
  <T>(schema: z.ZodMiniType<T>) =>
  (event: unknown): T => {
    const read = schema.safeParse(event);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    throw new BadRequest(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}`);
  };

/** @throws BadRequest */
export const readReconcileRequest = reader(reconcileRequest);

/** @throws BadRequest */
export const readReadinessRequest = reader(readinessRequest);
