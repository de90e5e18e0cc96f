import { readiness } from '../readiness/readiness.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import type { Functions } from './functions.ts';

export interface FunctionDependencies extends ReconcileDeps {
  readonly gateType: string;
}

/** Both functions as they are, called directly: standalone, and the in-cluster worker. */
export const createFunctions = (dependencies: FunctionDependencies): Functions => ({
  reconcile: (request) => reconcile(request, dependencies),
  readiness: (request) => readiness(request, dependencies),
});
