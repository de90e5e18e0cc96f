import { ApiError, tooLong } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Effects } from '../faults.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { integer, list, structure, text } from '../schema/fields.ts';
import { getListener } from '../store.ts';
import { type Action, type Answer, action } from './action.ts';
import {
  type AskedRule,
  type AskedTarget,
  batchTargetField,
  checkBindable,
  placeOf,
  refuseDuplicates,
  refuseUnbound,
  type TargetRequest,
  targetField,
  targetRequest,
} from './target-parameters.ts';

const defaultWeight = 10;

const batchParameters = structure(
  { LoadBalancerId: text(), Targets: list(batchTargetField, { min: 1 }) },
  {},
);
type Asked = ReturnType<typeof batchParameters.parse>;

const requestsOf = (asked: Asked, lb: LoadBalancer, engine: Engine): TargetRequest[] => {
  const { maxBatchTargets } = engine.settings;
  if (asked.Targets.length > maxBatchTargets) throw tooLong('Targets', maxBatchTargets);
  return asked.Targets.map((target, at) => {
    const listener = getListener(lb, target.ListenerId, 'InvalidParameter.ListenerIdNotFound');
    if (listener.protocol === 'TCP_SSL' && engine.settings.batchOnTcpSsl === 'refuse') {
      throw new ApiError(
        'InvalidParameter.ProtocolCheckFailed',
        `Protocol TCP_SSL of ${listener.id} does not support the operation.`,
      );
    }
    const path = `Targets.${at}`;
    const place = placeOf(lb, listener, target, path, engine, 'InvalidParameter.LocationNotFound');
    return targetRequest(target, place, path, engine);
  });
};

/** The listeners that an injected fault makes fail. */
const failing = (
  requests: readonly TargetRequest[],
  effects: Effects,
): { ids: string[]; message: string } => {
  const fault = effects.find('fail-listeners');
  if (fault === undefined) return { ids: [], message: '' };
  const called = [...new Set(requests.map(({ listener }) => listener.id))];
  const { listenerIds = 'first' } = fault;
  const ids =
    listenerIds === 'all'
      ? called
      : listenerIds === 'first'
        ? called.slice(0, 1)
        : called.filter((id) => listenerIds.includes(id));
  return { ids, message: fault.message ?? 'Internal error, please try again later.' };
};

const batchAnswer = (ids: readonly string[], message: string): Answer => ({
  FailListenerIdSet: [...new Set(ids)],
  Message: message,
});

const batchRegisterTargets = action(
  'BatchRegisterTargets',
  batchParameters,
  async (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const requests = requestsOf(asked, lb, engine);
    refuseDuplicates(requests, engine.settings.duplicateInBatchCode);
    checkBindable(lb, requests, engine);
    const failed = failing(requests, context.effects);
    await engine.batch(lb, requests.length, context, 'BatchRegisterTargets', () => {
      for (const request of requests) {
        if (failed.ids.includes(request.listener.id)) continue;
        engine.runtime.register(request, { ...request, weight: request.weight ?? defaultWeight });
      }
    });
    return batchAnswer(failed.ids, failed.message);
  },
);

const batchDeregisterTargets = action(
  'BatchDeregisterTargets',
  batchParameters,
  async (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const requests = requestsOf(asked, lb, engine);
    refuseDuplicates(requests, 'InvalidParameterValue.Duplicate');
    const unbound = requests.filter(({ pool, ip, port }) => pool.find(ip, port) === undefined);
    const { unboundInBatchDeregister: policy } = engine.settings;
    if (policy === 'error') refuseUnbound(requests, 'error');
    const injected = failing(requests, context.effects);
    const refused = policy === 'fail-set' ? unbound.map(({ listener }) => listener.id) : [];
    const failedIds = [...injected.ids, ...refused];
    await engine.batch(lb, requests.length, context, 'BatchDeregisterTargets', () => {
      for (const request of requests) {
        const target = request.pool.find(request.ip, request.port);
        if (target === undefined || failedIds.includes(request.listener.id)) continue;
        engine.runtime.deregister(request, target);
      }
    });
    const message = refused.length > 0 ? 'Some targets are not bound.' : '';
    return batchAnswer(failedIds, injected.message === '' ? message : injected.message);
  },
  // Its documented codes have no InvalidParameterValue, but this one.
  { rangeCode: 'InvalidParameterValue.Range' },
);

const maxModified = 500;

interface Entry extends AskedRule {
  readonly ListenerId: string;
  readonly Targets: readonly AskedTarget[];
}

/** Each target of a list of changes, with the entry it stands in. @throws ApiError */
const changesOf = <E extends Entry>(
  entries: readonly E[],
  lb: LoadBalancer,
  engine: Engine,
): (TargetRequest & { readonly entry: E })[] => {
  const requests = entries.flatMap((entry, at) => {
    const listener = getListener(lb, entry.ListenerId);
    const place = placeOf(lb, listener, entry, `ModifyList.${at}`, engine);
    return entry.Targets.map((target, index) => ({
      ...targetRequest(target, place, `ModifyList.${at}.Targets.${index}`, engine),
      entry,
    }));
  });
  if (requests.length > maxModified) throw tooLong('ModifyList.Targets', maxModified);
  refuseDuplicates(requests, 'InvalidParameterValue');
  return requests;
};

const batchModifyTargetWeight = action(
  'BatchModifyTargetWeight',
  structure(
    {
      LoadBalancerId: text(),
      ModifyList: list(
        structure(
          { ListenerId: text(), Targets: list(targetField, { min: 1, max: 50 }) },
          { LocationId: text(), Domain: text(), Url: text(), Weight: integer(0, 100) },
        ),
        { min: 1, max: 100 },
      ),
    },
    {},
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const requests = changesOf(asked.ModifyList, lb, engine);
    refuseUnbound(requests, engine.settings.unboundInModifyWeight);
    engine.begin([lb.id], context, {
      taskName: 'BatchModifyTargetWeight',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const request of requests) {
          const target = request.pool.find(request.ip, request.port);
          const weight = request.weight ?? request.entry.Weight ?? defaultWeight;
          if (target !== undefined) engine.runtime.setWeight(request, target, weight);
        }
      },
    });
    return {};
  },
);

const batchModifyTargetTag = action(
  'BatchModifyTargetTag',
  structure(
    {
      LoadBalancerId: text(),
      ModifyList: list(
        structure(
          { ListenerId: text(), Targets: list(targetField, { min: 1 }) },
          { LocationId: text(), Tag: text() },
        ),
        { min: 1 },
      ),
    },
    {},
  ),
  async (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const requests = changesOf(asked.ModifyList, lb, engine);
    refuseUnbound(requests, 'error');
    await engine.batch(lb, requests.length, context, 'BatchModifyTargetTag', () => {
      for (const { pool, ip, port, tag, entry } of requests) {
        const target = pool.find(ip, port);
        if (target !== undefined) target.tag = tag === '' ? (entry.Tag ?? '') : tag;
      }
    });
    return {};
  },
);

export const batchTargetActions = (): Action[] => [
  batchRegisterTargets,
  batchDeregisterTargets,
  batchModifyTargetWeight,
  batchModifyTargetTag,
];
