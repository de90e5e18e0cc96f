import { systemClock } from '../../shared/process/clock.ts';
import { checkTime } from '../platform/deadline.ts';
import { partsFromEnvironment } from '../platform/function-parts.ts';
import { lambdaHandler } from '../platform/lambda.ts';
import { readReconcileRequest } from '../platform/requests.ts';
import type { Run } from '../platform/run.ts';
import { scfHandler } from '../platform/scf.ts';
import { reconcile } from './reconcile.ts';

const partsFor = partsFromEnvironment('clb-direct-reconcile');

const run: Run = (invocation) => {
  const { event, deadlineAt } = invocation;
  const request = readReconcileRequest(event);
  checkTime(deadlineAt, systemClock);
  return reconcile(request, { ...partsFor(invocation), deadlineAt });
};

export const handler = lambdaHandler(run);
/** The name that SCF calls by default. */
export const main_handler = scfHandler(run);
