import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { ObservedLoadBalancer, Refusal } from '../../shared/model/observed.ts';
import { samePlace } from '../../shared/model/place.ts';
import type { Step } from '../../shared/model/plan-types.ts';
import { problem } from '../../shared/model/problems.ts';
import { problemCodeOf } from './failure.ts';
import type { ObjectProblem } from './report.ts';

/** One thing that the CLB refused: what holds no gate any more, and what its object is told. */
export interface Refused {
  readonly refusal: Refusal;
  readonly told: ObjectProblem;
}

interface Concerned {
  readonly ownerUid: string | undefined;
  readonly listener?: { readonly protocol: string; readonly port: number };
  readonly podUid?: string;
}

const concernedBy = (step: Step, observed: ObservedLoadBalancer | undefined): readonly Concerned[] => {
  const ofListener = (listenerId: string): Concerned => {
    const listener = observed?.listeners.find((candidate) => candidate.listenerId === listenerId);
    if (listener === undefined) return { ownerUid: undefined };
    const { protocol, port, ownerUid } = listener;
    return { ownerUid, listener: { protocol, port } };
  };
  switch (step.do) {
    case 'create-listeners':
      return step.listeners.map(({ protocol, port, name }) => ({
        ownerUid: name.slice(name.lastIndexOf('/') + 1),
        listener: { protocol, port },
      }));
    case 'modify-listener':
      return [ofListener(step.listenerId)];
    case 'delete-listeners':
      return step.listenerIds.map(ofListener);
    case 'create-rules':
    case 'modify-rule':
    case 'delete-rules':
      return [ofListener(step.listenerId)];
    default:
      // A target that is refused is left out alone: its listener goes on.
      return step.targets.map(({ place, listenerId, backendUid }) => ({
        ...ofListener(listenerId),
        listener: place,
        ...(backendUid === undefined ? {} : { podUid: backendUid }),
      }));
  }
};

/**
 * What the CLB refused by refusing this step.
 *
 * @param code the CLB's own, as `message` is
 */
export const refusalsOf = (
  step: Step,
  states: readonly DesiredState[],
  observed: ObservedLoadBalancer | undefined,
  code: string,
  message: string,
): readonly Refused[] =>
  concernedBy(step, observed).flatMap(({ ownerUid, listener, podUid }): Refused[] => {
    const state = states.find(({ object }) => object.uid === ownerUid);
    if (state === undefined) return [];
    const problemCode = problemCodeOf(code, 'targets' in step ? 'targets' : 'listener');
    const about = {
      ...(listener === undefined ? {} : { listener }),
      ...(podUid === undefined ? {} : { podUid }),
    };
    const where = listener === undefined ? '' : `${listener.protocol}:${listener.port}: `;
    return [
      {
        refusal: { objectUid: state.object.uid, code: problemCode, ...about },
        told: {
          object: state.object,
          problem: problem(problemCode, `${where}${code}: ${message}`, { about }),
        },
      },
    ];
  });

/** What the CLB refused in this pass, and is not sent again in it. */
export interface Avoided {
  readonly refused: readonly Refusal[];
  /** Listeners that it would not delete. */
  readonly undeletable: readonly string[];
}

/** What of a step was not refused before; undefined: nothing. */
export const withoutRefused = (step: Step, { refused, undeletable }: Avoided): Step | undefined => {
  if (step.do === 'delete-listeners') {
    const listenerIds = step.listenerIds.filter((id) => !undeletable.includes(id));
    return listenerIds.length === 0 ? undefined : { ...step, listenerIds };
  }
  if (!('targets' in step) || refused.length === 0) return step;
  const targets = step.targets.filter(
    ({ backendUid, place }) =>
      !refused.some(
        ({ podUid: refusedPod, listener }) =>
          refusedPod !== undefined &&
          refusedPod === backendUid &&
          listener !== undefined &&
          samePlace(listener, place),
      ),
  );
  return targets.length === 0 ? undefined : { ...step, targets };
};
