import { ApiError, missingParameter } from '../api-error.ts';
import { structure, text } from '../schema/fields.ts';
import { type Action, action } from './action.ts';

const describeTaskStatus = action(
  'DescribeTaskStatus',
  structure({}, { TaskId: text(), DealName: text() }),
  ({ TaskId, DealName }, engine, { region }) => {
    const id = TaskId ?? DealName;
    if (id === undefined) throw missingParameter('TaskId');
    const task = engine.tasks.find(id);
    const { taskLifeMs, taskOfAnotherRegion } = engine.settings;
    const isForgotten = engine.clock.nowMs() - (task?.endedMs ?? Number.POSITIVE_INFINITY) > taskLifeMs;
    const isElsewhere = taskOfAnotherRegion === 'unknown' && task?.region !== region;
    if (task !== undefined && !isForgotten && !isElsewhere) {
      return { Status: task.status, LoadBalancerIds: task.loadBalancerIds, Message: task.message };
    }
    if (engine.settings.unknownTask === 'success') return { Status: 0, LoadBalancerIds: null, Message: null };
    throw new ApiError('InvalidParameter', `TaskId ${id} not found.`);
  },
);

const describeQuota = action('DescribeQuota', structure({}, {}), (_, engine, { region }) => {
  const { settings } = engine;
  const count = (type: 'OPEN' | 'INTERNAL'): number =>
    engine.store.inRegion(region).filter((lb) => lb.type === type).length;
  const quota = (QuotaId: string, QuotaLimit: number, QuotaCurrent: number | null = null) => ({
    QuotaId,
    QuotaCurrent,
    QuotaLimit,
  });
  return {
    QuotaSet: [
      quota('TOTAL_OPEN_CLB_QUOTA', settings.quotaOpenLoadBalancers, count('OPEN')),
      quota('TOTAL_INTERNAL_CLB_QUOTA', settings.quotaInternalLoadBalancers, count('INTERNAL')),
      quota('TOTAL_LISTENER_QUOTA', settings.quotaListeners),
      quota('TOTAL_LISTENER_RULE_QUOTA', settings.quotaRules),
      quota('TOTAL_TARGET_BIND_QUOTA', settings.quotaTargets),
      quota('TOTAL_SNAT_IP_QUOTA', 10),
      quota('TOTAL_ISP_CLB_QUOTA', 3, 0),
      quota('TOTAL_FULL_PORT_RANGE_LISTENER_QUOTA', 1),
    ],
  };
});

export const accountActions = (): Action[] => [describeTaskStatus, describeQuota];
