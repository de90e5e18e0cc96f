import { placeText } from '../../../shared/model/place.ts';
import type { Step, TargetWrite } from '../../../shared/model/plan-types.ts';
import { type Names, shortName } from '../../sandbox/screen/describe-event.ts';
import type { CorePoint } from './core.ts';

const targetsText = (targets: readonly TargetWrite[], names: Names, withWeight: boolean): string =>
  targets
    .map(({ ip, port, weight, place: { rule } }) => {
      const name = names.podAt(ip);
      const pod = name === undefined ? '' : ` (Pod ${shortName(name)})`;
      const behind = rule === undefined ? '' : ` behind ${rule.domain}${rule.url}`;
      return `${ip}:${port}${withWeight ? ` w${weight}` : ''}${pod}${behind}`;
    })
    .join(', ');

const objectsOf = (step: Exclude<Step, { targets: unknown }>, names: Names): readonly string[] => {
  switch (step.do) {
    case 'create-listeners':
      return step.listeners.map(placeText);
    case 'create-rules':
      return step.rules.map((rule) =>
        placeText({ ...step.place, rule: { domain: rule.domain, url: rule.url } }),
      );
    case 'modify-rule':
      return [placeText(step.place)];
    case 'delete-rules':
      return step.locationIds.map((id) => names.ruleAt(id) ?? id);
    case 'delete-listeners':
      return step.listenerIds;
    case 'modify-listener':
      return [step.listenerId];
  }
};

const stepText = (step: Step, names: Names): string =>
  'targets' in step
    ? `${step.do} ${targetsText(step.targets, names, step.do !== 'deregister')}`
    : `${step.do} ${objectsOf(step, names).join(', ')}`;

/** What the core would do, a line for each thing. */
export const answerText = ({ plan }: CorePoint, names: Names): readonly string[] => {
  if (plan === undefined) return ['make the load balancer'];
  const lines = [
    ...plan.steps.map((step) => `${stepText(step, names)} [${step.lane}]`),
    ...plan.problems.map(({ problem: { code, message } }) => `${code}: ${message}`),
    ...plan.unexplained.map(
      ({ wanted }) =>
        `ask for evidence about ${wanted.reduce((sum, { targets }) => sum + targets.length, 0)} targets`,
    ),
  ];
  return lines.length === 0 ? ['nothing to do'] : lines;
};
