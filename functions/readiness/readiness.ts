import type { Clb } from '../../shared/clb/clb-port.ts';
import type { GateVerdict, ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { decideGates, type GateDecision, type HealthRead, healthWanted } from '../../shared/model/gates.ts';
import { gateOpenReason } from '../../shared/model/names.ts';
import type { Policy } from '../../shared/model/plan-types.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { ReadinessAnswer, ReadinessRequest } from '../platform/functions.ts';

/** What the readiness function needs; it reads the CLB and writes only gates. */
export interface ReadinessDeps {
  readonly store: Pick<Store, 'waiting'>;
  readonly clb: Pick<Clb, 'health'>;
  readonly writer: Pick<ObjectWriter, 'gate'>;
  readonly policy: Policy;
  readonly gateType: string;
  readonly clock: Clock;
  readonly log: Log;
}

const askAgainMs = 1_000;

/** Targets that stay unhealthy change at the health check's own pace; the CLB's default interval. */
const unhealthyAgainMs = 5_000;

const unheldDecision = (pod: ObjectRef): GateDecision => ({
  pod,
  open: true,
  reason: gateOpenReason,
  message: 'No load balancer of ours holds this Pod.',
});

/**
 * Reads the health of what waiting Pods wait for, decides their gates and patches them.
 *
 * A failed health read decides nothing: gates stay as they are and it is asked again.
 */
export const readiness = async (request: ReadinessRequest, deps: ReadinessDeps): Promise<ReadinessAnswer> => {
  const { store, clb, writer, policy, gateType, clock, log } = deps;
  const views = await store.waiting();
  const wanted = healthWanted(views);
  // The time before the read: a record made meanwhile must not be proven by it (law L7).
  const begunAt = clock.now();
  let reads: readonly HealthRead[] = [];
  try {
    const answers = wanted.length === 0 ? [] : await clb.health(wanted);
    reads = answers.map((answer) => ({ ...answer, begunAt }));
  } catch (error) {
    log.warn('health read failed', { error });
    return { waiting: wanted.length, opened: 0, againAfterMs: askAgainMs };
  }
  const decided = decideGates(views, reads, policy.defaultWeight);
  const decisions = [...decided.decisions, ...request.unheld.map(unheldDecision)];
  const rfc3339 = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  const outcomes = await Promise.all(
    decisions.map(async ({ pod, open, reason, message, resourceVersion, statusSince }) => {
      const verdict: GateVerdict = {
        pod,
        gateType,
        open,
        reason,
        message,
        lastTransitionTime: rfc3339(statusSince ?? clock.now()),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      };
      try {
        return { open, outcome: await writer.gate(verdict) };
      } catch (error) {
        log.warn('gate not written', { pod: `${pod.namespace}/${pod.name}`, open, error });
        return { open, outcome: 'failed' };
      }
    }),
  );
  return {
    waiting: decided.waiting,
    opened: outcomes.filter(({ open, outcome }) => open && outcome === 'written').length,
    againAfterMs: decided.onlyDead ? unhealthyAgainMs : askAgainMs,
  };
};
