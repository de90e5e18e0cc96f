import type { Step, TargetWrite } from '../../../shared/model/plan-types.ts';
import { shortName } from '../../sandbox/screen/describe-event.ts';
import type { CorePoint } from './core.ts';

/** The name of the Pod that has, or had last, an address. */
type PodAt = (ip: string) => string | undefined;

const targetsText = (targets: readonly TargetWrite[], podAt: PodAt, withWeight: boolean): string =>
  targets
    .map(({ ip, port, weight }) => {
      const name = podAt(ip);
      return `${ip}:${port}${withWeight ? ` w${weight}` : ''}${name === undefined ? '' : ` (Pod ${shortName(name)})`}`;
    })
    .join(', ');

const stepText = (step: Step, podAt: PodAt): string => {
  if ('targets' in step) return `${step.do} ${targetsText(step.targets, podAt, step.do !== 'deregister')}`;
  if ('listeners' in step) {
    return `${step.do} ${step.listeners.map(({ protocol, port }) => `${protocol}:${port}`).join(', ')}`;
  }
  return `${step.do} ${'listenerIds' in step ? step.listenerIds.join(', ') : step.listenerId}`;
};

/** What the core would do, a line for each thing. */
export const answerText = ({ plan }: CorePoint, podAt: PodAt): readonly string[] => {
  if (plan === undefined) return ['make the load balancer'];
  const lines = [
    ...plan.steps.map((step) => `${stepText(step, podAt)} [${step.lane}]`),
    ...plan.problems.map(({ problem: { code, message } }) => `${code}: ${message}`),
    ...plan.unexplained.map(
      ({ wanted }) =>
        `ask for evidence about ${wanted.reduce((sum, { targets }) => sum + targets.length, 0)} targets`,
    ),
  ];
  return lines.length === 0 ? ['nothing to do'] : lines;
};
