import type { Newer } from '../../shared/clb/clb-port.ts';
import type { Hold } from '../../shared/model/hold.ts';
import type { Step } from '../../shared/model/plan-types.ts';

/**
 * Steps of the drain lane go first; but between two drain writes one write of the next lane goes out, so that a
 * flood of drains does not stop new Pods from being bound.
 */
export const pick = (steps: readonly Step[], lastLane: Step['lane'] | undefined): Step | undefined => {
  if (lastLane !== 'drain') return steps[0];
  return steps.find(({ lane }) => lane !== 'drain') ?? steps[0];
};

const halves = <T>(items: readonly T[]): readonly (readonly T[])[] => {
  const middle = Math.ceil(items.length / 2);
  return items.length < 2 ? [] : [items.slice(0, middle), items.slice(middle)];
};

/** A refused step is halved until what is wrong stands alone (law L12); nothing: it cannot be halved. */
export const parts = (step: Step): readonly Step[] => {
  switch (step.do) {
    case 'create-listeners':
      return halves(step.listeners).map((listeners) => ({ ...step, listeners }));
    case 'register':
    case 'deregister':
    case 'set-weights':
      return halves(step.targets).map((targets) => ({ ...step, targets }));
    case 'delete-listeners':
      return halves(step.listenerIds).map((listenerIds) => ({ ...step, listenerIds }));
    case 'create-rules':
      return halves(step.rules).map((rules) => ({ ...step, rules }));
    case 'delete-rules':
      return halves(step.locationIds).map((locationIds) => ({ ...step, locationIds }));
    case 'modify-listener':
    case 'modify-rule':
      return [];
  }
};

/**
 * A hold that does not stop the step in hand for newer states: they are kept for after it. So steady changes stop
 * nothing: whoever planned on newer states sends the first step of that plan without asking anew.
 */
export const insisting = (hold: Hold): { readonly hold: Hold; readonly newer: () => Newer | undefined } => {
  let newer: Newer | undefined;
  return {
    hold: {
      ...hold,
      check: async () => {
        const answer = await hold.check();
        if (answer.answer !== 'newer') return answer;
        newer = answer;
        return { answer: 'mine' };
      },
    },
    newer: () => newer,
  };
};
