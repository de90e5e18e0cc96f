import { partsFromEnvironment } from '../platform/function-parts.ts';
import { lambdaHandler } from '../platform/lambda.ts';
import { readReadinessRequest } from '../platform/requests.ts';
import type { Run } from '../platform/run.ts';
import { scfHandler } from '../platform/scf.ts';
import { readiness } from './readiness.ts';

const parts = partsFromEnvironment('clb-direct-readiness');

const run: Run = (event) => readiness(readReadinessRequest(event), parts);

export const handler = lambdaHandler(run);
/** The name that SCF calls by default. */
export const main_handler = scfHandler(run);
