import type { ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { type Problem, problemTable } from '../../shared/model/problems.ts';

export interface ObjectProblem {
  readonly object: ObjectRef;
  readonly problem: Problem;
}

export const ownProblems = (states: readonly DesiredState[]): readonly ObjectProblem[] =>
  states.flatMap((state) => state.problems.map((entry) => ({ object: state.object, problem: entry })));

const key = (object: ObjectRef, text: string): string => `${object.uid} ${text}`;

/** A problem about a Pod is told on the Pod, every other one on the object that wants the load balancer. */
const toldOn = ({ object, problem }: ObjectProblem, states: readonly DesiredState[]): ObjectRef => {
  const podUid = problem.code === 'E4033' ? problem.about?.podUid : undefined;
  if (podUid === undefined) return object;
  const pod = states.flatMap(({ pods }) => pods).find(({ ref }) => ref.uid === podUid);
  return pod?.ref ?? object;
};

/**
 * Writes the Events that are not written yet, each on its own object with code, message and remedy.
 *
 * @param reported the dedup keys of what was written before
 * @returns the dedup keys that stand now: a problem that went and comes again is told again
 */
export const reportProblems = async (
  problems: readonly ObjectProblem[],
  states: readonly DesiredState[],
  reported: readonly string[],
  writer: ObjectWriter,
): Promise<readonly string[]> => {
  const told = new Set(reported);
  const standing = await Promise.all(
    problems.map(async (entry) => {
      const object = toldOn(entry, states);
      const { code, severity, message } = entry.problem;
      const { reason, remedy } = problemTable[code];
      const dedupKey = key(object, `${code} ${message}`);
      if (!told.has(dedupKey)) {
        await writer.event({
          object,
          type: 'Warning',
          reason,
          message: `${code} ${severity}: ${message} ${remedy}`,
          dedupKey,
        });
      }
      return dedupKey;
    }),
  );
  return [...new Set(standing)].sort();
};

const success = {
  Service: (loadBalancerId: string) => ({
    reason: 'EnsureServiceSuccess',
    message: `Service Sync Success. RetrunCode: S2000 (${loadBalancerId})`,
  }),
  Ingress: (loadBalancerId: string) => ({
    reason: 'EnsuredIngress',
    message: `Ensured ingress (${loadBalancerId})`,
  }),
} as const;

/** TKE's own event after a sync, so that tools that wait for it go on working. Written once for a load balancer. */
export const reportSuccess = async (
  object: ObjectRef,
  loadBalancerId: string,
  reported: readonly string[],
  writer: ObjectWriter,
): Promise<string> => {
  const dedupKey = key(object, `S2000 ${loadBalancerId}`);
  if (!reported.includes(dedupKey)) {
    await writer.event({
      object,
      type: 'Normal',
      ...success[object.kind === 'Ingress' ? 'Ingress' : 'Service'](loadBalancerId),
      dedupKey,
    });
  }
  return dedupKey;
};
