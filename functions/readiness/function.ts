import { partsFromEnvironment } from '../platform/function-parts.ts';
import { lambdaHandler } from '../platform/lambda.ts';
import { readReadinessRequest } from '../platform/requests.ts';
import type { Run } from '../platform/run.ts';
import { scfHandler } from '../platform/scf.ts';
import { readiness } from './readiness.ts';

const partsFor = partsFromEnvironment('clb-direct-readiness');

const run: Run = (invocation) => readiness(readReadinessRequest(invocation.event), partsFor(invocation));

export const handler = lambdaHandler(run);
/** The name that SCF calls by default. */
export const main_handler = scfHandler(run);
