import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { ObservedLoadBalancer, Refusal } from '../../shared/model/observed.ts';
import { covers, type Place, placeText, samePlace } from '../../shared/model/place.ts';
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
  readonly listener?: Place;
  readonly podUid?: string;
}

const concernedBy = (
  step: Step,
  states: readonly DesiredState[],
  observed: ObservedLoadBalancer | undefined,
): readonly Concerned[] => {
  /** Everybody who shares a listener of layer 7, else its owner. */
  const ofListener = (listener: Place, ownerUid: string | undefined): readonly Concerned[] => {
    const sharing = states.filter(
      (state) =>
        state.intent === 'serve' &&
        state.listeners.some((want) => want.rule !== undefined && covers(listener, want)),
    );
    if (sharing.length === 0) return [{ ownerUid, listener }];
    return sharing.map(({ object }) => ({ ownerUid: object.uid, listener }));
  };
  const known = (listenerId: string): readonly Concerned[] => {
    const listener = observed?.listeners.find((candidate) => candidate.listenerId === listenerId);
    if (listener === undefined) return [];
    const { protocol, port, ownerUid } = listener;
    return ofListener({ protocol, port }, ownerUid);
  };
  switch (step.do) {
    case 'create-listeners':
      return step.listeners.flatMap(({ protocol, port, name }) =>
        ofListener({ protocol, port }, name.slice(name.lastIndexOf('/') + 1)),
      );
    case 'modify-listener':
      return known(step.listenerId);
    case 'delete-listeners':
      return step.listenerIds.flatMap(known);
    case 'create-rules':
      // A rule that is refused is left out alone: its listener goes on.
      return step.rules.map(({ domain, url, ownerUid }) => ({
        ownerUid,
        listener: { ...step.place, rule: { domain, url } },
      }));
    case 'modify-rule':
      return [{ ownerUid: step.ownerUid, listener: step.place }];
    case 'delete-rules':
      return known(step.listenerId);
    default:
      // So is a target, which is its place's owner's.
      return step.targets.flatMap(({ place, backendUid }): readonly Concerned[] => {
        const owners = states.filter(
          (state) =>
            state.intent === 'serve' &&
            state.listeners.some(
              (want) =>
                samePlace(want, place) &&
                (backendUid === undefined ||
                  want.backends.endpoints.some((endpoint) => endpoint.backendUid === backendUid) ||
                  want.backends.leaving.some((left) => left.backendUid === backendUid)),
            ),
        );
        return owners.map(({ object }) => ({
          ownerUid: object.uid,
          listener: place,
          ...(backendUid === undefined ? {} : { podUid: backendUid }),
        }));
      });
  }
};

const aboutOf = (step: Step): Parameters<typeof problemCodeOf>[1] => {
  if ('targets' in step) return 'targets';
  return step.do === 'create-rules' || step.do === 'modify-rule' || step.do === 'delete-rules'
    ? 'rule'
    : 'listener';
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
  concernedBy(step, states, observed).flatMap(({ ownerUid, listener, podUid }): Refused[] => {
    const state = states.find(({ object }) => object.uid === ownerUid);
    if (state === undefined) return [];
    const problemCode = problemCodeOf(code, aboutOf(step));
    const about = {
      ...(listener === undefined ? {} : { listener }),
      ...(podUid === undefined ? {} : { podUid }),
    };
    const where = listener === undefined ? '' : `${placeText(listener)}: `;
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
  /** Listeners and rules that it would not delete. */
  readonly undeletable: readonly string[];
}

/** What of a step was not refused before; undefined: nothing. */
export const withoutRefused = (step: Step, { refused, undeletable }: Avoided): Step | undefined => {
  if (step.do === 'delete-listeners') {
    const listenerIds = step.listenerIds.filter((id) => !undeletable.includes(id));
    return listenerIds.length === 0 ? undefined : { ...step, listenerIds };
  }
  if (step.do === 'delete-rules') {
    const locationIds = step.locationIds.filter((id) => !undeletable.includes(id));
    return locationIds.length === 0 ? undefined : { ...step, locationIds };
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
