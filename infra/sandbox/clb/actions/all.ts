import { accountActions } from './account.ts';
import type { Action } from './action.ts';
import { batchTargetActions } from './batch-targets.ts';
import { certificateActions } from './certificates.ts';
import { createLoadBalancer } from './create-load-balancer.ts';
import { detailActions } from './describe-detail.ts';
import { lookUpActions } from './describe-lb-listeners.ts';
import { describeTargetActions } from './describe-targets.ts';
import { listenerActions } from './listeners.ts';
import { loadBalancerActions } from './load-balancers.ts';
import { notSimulatedActions } from './not-simulated.ts';
import { ruleDomainActions } from './rule-domains.ts';
import { ruleActions } from './rules.ts';
import { securityGroupActions } from './security-groups.ts';
import { singleTargetActions } from './single-targets.ts';
import { startStatusActions } from './start-status.ts';

/** Every action that the simulator answers, by name. What actions remember begins empty. */
export const allActions = (): ReadonlyMap<string, Action> =>
  new Map(
    [
      createLoadBalancer(),
      ...loadBalancerActions(),
      ...listenerActions(),
      ...ruleActions(),
      ...ruleDomainActions(),
      ...certificateActions(),
      ...batchTargetActions(),
      ...singleTargetActions(),
      ...describeTargetActions(),
      ...detailActions(),
      ...lookUpActions(),
      ...securityGroupActions(),
      ...startStatusActions(),
      ...accountActions(),
      ...notSimulatedActions(),
    ].map((action) => [action.name, action]),
  );
