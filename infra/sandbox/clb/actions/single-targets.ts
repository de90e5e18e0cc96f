import { ApiError } from '../api-error.ts';
import type { CallContext, Engine } from '../engine/engine.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { integer, list, structure, text } from '../schema/fields.ts';
import { getListener } from '../store.ts';
import { type Action, action } from './action.ts';
import {
  type AskedTarget,
  checkBindable,
  checkLocation,
  refuseDuplicates,
  type TargetRequest,
  targetField,
  targetRequest,
} from './target-parameters.ts';

const defaultWeight = 10;
const maxTargets = 20;

const place = { LocationId: text(), Domain: text(), Url: text() };
const required = (max: number | undefined) => ({
  LoadBalancerId: text(),
  ListenerId: text(),
  Targets: list(targetField, { min: 1, ...(max === undefined ? {} : { max }) }),
});

interface Asked {
  readonly LoadBalancerId: string;
  readonly ListenerId: string;
  readonly Targets: readonly AskedTarget[];
  readonly LocationId?: string;
}

const requestsOf = (
  asked: Asked,
  engine: Engine,
  context: CallContext,
): { lb: LoadBalancer; requests: TargetRequest[] } => {
  const lb = engine.writable(asked.LoadBalancerId, context.region);
  const listener = getListener(lb, asked.ListenerId);
  checkLocation(listener, asked.LocationId, engine, 'InvalidParameter');
  const requests = asked.Targets.map((target, at) =>
    targetRequest(target, listener, `Targets.${at}`, engine),
  );
  refuseDuplicates(requests, 'InvalidParameterValue.Duplicate');
  return { lb, requests };
};

const refuseUnbound = (requests: readonly TargetRequest[], policy: 'error' | 'ignore'): void => {
  const unbound = requests.find(({ listener, ip, port }) => listener.pool.find(ip, port) === undefined);
  if (unbound === undefined || policy === 'ignore') return;
  throw new ApiError(
    'InvalidParameter',
    `Target ${unbound.ip}:${unbound.port} is not bound to ${unbound.listener.id}.`,
  );
};

const registerTargets = action(
  'RegisterTargets',
  structure(required(maxTargets), place),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    checkBindable(lb, requests, engine);
    engine.begin([lb.id], context, {
      taskName: 'BindTargetDevice',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const { listener, weight, ...target } of requests) {
          engine.runtime.register(lb, listener, { ...target, weight: weight ?? defaultWeight });
        }
      },
    });
    return {};
  },
);

const deregisterTargets = action(
  'DeregisterTargets',
  structure(required(maxTargets), place),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    refuseUnbound(requests, engine.settings.unboundInDeregister);
    engine.begin([lb.id], context, {
      taskName: 'UnbindTargetDevice',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const { listener, ip, port } of requests) {
          const target = listener.pool.find(ip, port);
          if (target !== undefined) engine.runtime.deregister(lb, listener, target);
        }
      },
    });
    return {};
  },
);

const modifyTargetWeight = action(
  'ModifyTargetWeight',
  structure(required(undefined), { ...place, Weight: integer(0, 100) }),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    refuseUnbound(requests, engine.settings.unboundInModifyWeight);
    engine.begin([lb.id], context, {
      taskName: 'ModifyTargetWeight',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const { listener, ip, port, weight } of requests) {
          const target = listener.pool.find(ip, port);
          if (target === undefined) continue;
          engine.runtime.setWeight(lb, listener, target, weight ?? asked.Weight ?? defaultWeight);
        }
      },
    });
    return {};
  },
);

export const singleTargetActions = (): Action[] => [registerTargets, deregisterTargets, modifyTargetWeight];
