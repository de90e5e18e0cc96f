/**
 * The maxima of the CLB API (version 2018-03-17): one table, from the API's own parameter descriptions.
 * `rules`: of one call; not documented, but a listener has 50 if its quota was not raised.
 * `createListenerPorts`: the API answers "Length of .Ports should be less than 50".
 */
export const limits = {
  /** BatchRegisterTargets and BatchDeregisterTargets: targets in one call. */
  batchTargets: 500,
  /** BatchModifyTargetWeight: entries, targets in one entry, targets in one call. */
  weightEntries: 100,
  weightTargetsPerEntry: 50,
  weightTargets: 500,
  createListenerPorts: 49,
  deleteListeners: 20,
  rules: 50,
  describeTargetsListeners: 20,
  /** DescribeLoadBalancers: rows in one page. */
  pageRows: 100,
  healthLoadBalancers: 30,
  loadBalancerName: 80,
} as const;

/** Targets in one register or deregister call: below the maximum, so that the load balancer is locked only briefly. */
export const defaultBatchTargets = 200;
