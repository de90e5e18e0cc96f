import { ApiError } from '../api-error.ts';
import type { Action } from './action.ts';

/** Actions of the real API that a client of these load balancers may know, and that nothing here answers for. */
export const notSimulated: readonly string[] = [
  // Groups of targets that several listeners share.
  'CreateTargetGroup',
  'DeleteTargetGroups',
  'DescribeTargetGroups',
  'DescribeTargetGroupList',
  'DescribeTargetGroupInstances',
  'DescribeTargetGroupInstanceStatus',
  'ModifyTargetGroupAttribute',
  'RegisterTargetGroupInstances',
  'DeregisterTargetGroupInstances',
  'ModifyTargetGroupInstancesWeight',
  'ModifyTargetGroupInstancesPort',
  'AssociateTargetGroups',
  'DisassociateTargetGroups',
  // Redirections from one rule to another.
  'AutoRewrite',
  'ManualRewrite',
  'DescribeRewrite',
  'DeleteRewrite',
];

/** They exist, so they are no InvalidAction; whatever they are asked for, they say that they do nothing. */
export const notSimulatedActions = (): Action[] =>
  notSimulated.map((name) => ({
    name,
    prepare: () => {
      throw new ApiError('UnsupportedOperation', `${name} is not simulated.`);
    },
  }));
