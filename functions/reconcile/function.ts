import { partsFromEnvironment } from '../platform/function-parts.ts';
import { lambdaHandler } from '../platform/lambda.ts';
import { readReconcileRequest } from '../platform/requests.ts';
import type { Run } from '../platform/run.ts';
import { scfHandler } from '../platform/scf.ts';
import { reconcile } from './reconcile.ts';

const parts = partsFromEnvironment('clb-direct-reconcile');

const run: Run = (event, deadlineAt) => reconcile(readReconcileRequest(event), { ...parts, deadlineAt });

export const handler = lambdaHandler(run);
/** The name that SCF calls by default. */
export const main_handler = scfHandler(run);
