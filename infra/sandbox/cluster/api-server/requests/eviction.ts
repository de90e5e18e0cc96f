import { isDeepStrictEqual } from 'node:util';
import type { ApiContext, Target } from '../context.ts';
import { cloneJson, isObject, type Json, numberOf, objectOf, objectsOf, textOf } from '../json.ts';
import { type KubeObject, timestamp } from '../kube-object.ts';
import { labelSelectorMatch } from '../selectors.ts';
import { internalError, tooManyRequests } from '../status-error.ts';
import type { Stored } from '../store/collection.ts';
import { deleteObject, parseDeleteOptions } from './delete.ts';
import { getObject } from './read.ts';

const isReady = (pod: KubeObject): boolean =>
  objectsOf(objectOf(pod.status).conditions).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );

const budgetsOf = (context: ApiContext, pod: KubeObject): Stored[] =>
  [...context.store.collection('poddisruptionbudgets.policy').values()].filter(
    ({ object }) =>
      object.metadata.namespace === pod.metadata.namespace &&
      labelSelectorMatch(objectOf(object.spec).selector)(pod.metadata.labels ?? {}),
  );

const refuse = (budget: KubeObject, detail: string): never => {
  throw tooManyRequests(`Cannot evict pod as it would violate the pod's disruption budget.`, 0, [
    { reason: 'DisruptionBudget', message: `The disruption budget ${budget.metadata.name} ${detail}` },
  ]);
};

/** Takes one allowed disruption from a budget. @throws StatusError 429 */
const spend = (context: ApiContext, { object }: Stored, pod: KubeObject): void => {
  const status = objectOf(object.status);
  if ((numberOf(status.observedGeneration) ?? 0) < (object.metadata.generation ?? 0)) {
    throw tooManyRequests(`Cannot evict pod as it would violate the pod's disruption budget.`, 10, [
      {
        reason: 'DisruptionBudget',
        message: `The disruption budget ${object.metadata.name} is still being processed by the server.`,
      },
    ]);
  }
  const allowed = numberOf(status.disruptionsAllowed) ?? 0;
  if (allowed <= 0) {
    refuse(
      object,
      `needs ${numberOf(status.desiredHealthy) ?? 0} healthy pods and has ${numberOf(status.currentHealthy) ?? 0} currently`,
    );
  }
  const draft = cloneJson<KubeObject>(object);
  draft.status = {
    ...status,
    disruptionsAllowed: allowed - 1,
    disruptedPods: {
      ...objectOf(status.disruptedPods),
      [pod.metadata.name]: new Date(context.now()).toISOString(),
    },
  };
  if (!isDeepStrictEqual(draft, object)) context.store.collection('poddisruptionbudgets.policy').put(draft);
};

/** A budget does not protect a Pod that is not ready when its policy says so, or when enough others are healthy. */
const mayGoUnhealthy = (budget: KubeObject): boolean => {
  if (textOf(objectOf(budget.spec).unhealthyPodEvictionPolicy) === 'AlwaysAllow') return true;
  const { currentHealthy, desiredHealthy } = objectOf(budget.status);
  const healthy = numberOf(currentHealthy) ?? 0;
  return healthy >= (numberOf(desiredHealthy) ?? 0) && (numberOf(desiredHealthy) ?? 0) > 0;
};

/** A Pod says why it goes before its deletion begins. */
const tellWhy = (context: ApiContext, pod: KubeObject): void => {
  const draft = cloneJson<KubeObject>(pod);
  const status = objectOf(draft.status);
  const target = {
    type: 'DisruptionTarget',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(context.now()),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  const others = objectsOf(status.conditions).filter(({ type }) => type !== target.type);
  draft.status = { ...status, conditions: [...others, target] };
  context.store.collection('pods').put(draft);
};

/**
 * Evicts a Pod: deletes it unless a disruption budget forbids it.
 *
 * @throws StatusError 404, 409, 429 `Cannot evict pod as it would violate the pod's disruption budget.`
 */
export const evictPod = (context: ApiContext, target: Target, body: Json, query: URLSearchParams): void => {
  const { object } = getObject(context, target);
  const eviction = isObject(body) ? body : {};
  const options = parseDeleteOptions(eviction.deleteOptions ?? null, query);
  const phase = textOf(objectOf(object.status).phase);
  const unprotected =
    ['Failed', 'Pending', 'Succeeded'].includes(phase) || object.metadata.deletionTimestamp !== undefined;
  const budgets = unprotected ? [] : budgetsOf(context, object);
  if (budgets.length > 1) {
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  for (const budget of budgets) {
    if (!isReady(object) && mayGoUnhealthy(budget.object)) continue;
    if (!options.dryRun) spend(context, budget, object);
  }
  deleteObject(context, target, { ...options, dryRun: true });
  if (options.dryRun) return;
  tellWhy(context, object);
  // The version of the precondition held a moment ago; what was just written is ours.
  const { resourceVersion: _held, ...rest } = options;
  deleteObject(context, target, rest);
};
