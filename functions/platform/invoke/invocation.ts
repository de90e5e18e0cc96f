import * as z from 'zod/mini';
import type { FunctionsSettings } from '../../../shared/process/config.ts';
import type { Functions, ReadinessAnswer, ReconcileAnswer } from '../functions.ts';

/** So long a connection to the platform may take. */
export const connectMs = 3_000;

/** A function ended with an error of its own, or was ended. Its message, cut: it may be anything. */
export class FunctionFailed extends Error {
  constructor(name: string, said: string) {
    super(`Function ${name} failed: ${said.slice(0, 300)}`);
    this.name = 'FunctionFailed';
  }
}

const reconcileAnswer: z.ZodMiniType<ReconcileAnswer> = z.object({
  results: z.array(
    z.object({
      loadBalancerKey: z.string(),
      outcome: z.enum(['done', 'retry', 'held', 'nothing', 'lost', 'failed']),
      detail: z.exactOptional(z.string()),
    }),
  ),
});

const readinessAnswer: z.ZodMiniType<ReadinessAnswer> = z.object({
  waiting: z.int(),
  opened: z.int(),
  againAfterMs: z.number(),
});

const parsed = <T>(name: string, schema: z.ZodMiniType<T>, text: string): T => {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new FunctionFailed(name, `it answered no JSON: ${text}`);
  }
  const read = schema.safeParse(answer);
  if (!read.success) throw new FunctionFailed(name, `it answered ${text}`);
  return read.data;
};

/**
 * Both functions behind one way to invoke.
 *
 * @param invoke sends an event as JSON and resolves with the answer's text; throws what the platform says,
 *   InvocationRefused where it began nothing
 */
export const functionsBy = (
  names: Pick<FunctionsSettings, 'reconcile' | 'readiness'>,
  invoke: (name: string, event: unknown) => Promise<string>,
): Functions => ({
  reconcile: async (request) =>
    parsed(names.reconcile, reconcileAnswer, await invoke(names.reconcile, request)),
  readiness: async (request) =>
    parsed(names.readiness, readinessAnswer, await invoke(names.readiness, request)),
});
