import type { CallContext, Engine } from '../engine/engine.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { integer, list, structure, text } from '../schema/fields.ts';
import { getListener } from '../store.ts';
import { type Action, action } from './action.ts';
import {
  type AskedRule,
  type AskedTarget,
  checkBindable,
  placeOf,
  refuseBound,
  refuseDuplicates,
  refuseSecondListener,
  refuseUnbound,
  type TargetRequest,
  targetField,
  targetRequest,
} from './target-parameters.ts';

const defaultWeight = 10;
const maxTargets = 20;

const ruleFields = { LocationId: text(), Domain: text(), Url: text() };
const required = (max: number | undefined) => ({
  LoadBalancerId: text(),
  ListenerId: text(),
  Targets: list(targetField, { min: 1, ...(max === undefined ? {} : { max }) }),
});

interface Asked extends AskedRule {
  readonly LoadBalancerId: string;
  readonly ListenerId: string;
  readonly Targets: readonly AskedTarget[];
}

const requestsOf = (
  asked: Asked,
  engine: Engine,
  context: CallContext,
): { lb: LoadBalancer; requests: TargetRequest[] } => {
  const lb = engine.writable(asked.LoadBalancerId, context.region);
  const listener = getListener(lb, asked.ListenerId);
  const place = placeOf(lb, listener, asked, '', engine);
  const requests = asked.Targets.map((target, at) => targetRequest(target, place, `Targets.${at}`, engine));
  refuseDuplicates(requests, 'InvalidParameterValue.Duplicate');
  return { lb, requests };
};

const registerTargets = action(
  'RegisterTargets',
  structure(required(maxTargets), ruleFields),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    if (engine.settings.boundInRegister === 'refuse') refuseBound(requests);
    checkBindable(lb, requests, engine);
    engine.begin([lb.id], context, {
      taskName: 'BindTargetDevice',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const request of requests) {
          engine.runtime.register(request, { ...request, weight: request.weight ?? defaultWeight });
        }
      },
    });
    return {};
  },
);

const deregisterTargets = action(
  'DeregisterTargets',
  structure(required(maxTargets), ruleFields),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    refuseUnbound(requests, engine.settings.unboundInDeregister);
    engine.begin([lb.id], context, {
      taskName: 'UnbindTargetDevice',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const request of requests) {
          const target = request.pool.find(request.ip, request.port);
          if (target !== undefined) engine.runtime.deregister(request, target);
        }
      },
    });
    return {};
  },
);

const modifyTargetWeight = action(
  'ModifyTargetWeight',
  structure(required(undefined), { ...ruleFields, Weight: integer(0, 100) }),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    refuseUnbound(requests, engine.settings.unboundInModifyWeight);
    engine.begin([lb.id], context, {
      taskName: 'ModifyTargetWeight',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const request of requests) {
          const target = request.pool.find(request.ip, request.port);
          if (target === undefined) continue;
          engine.runtime.setWeight(request, target, request.weight ?? asked.Weight ?? defaultWeight);
        }
      },
    });
    return {};
  },
);

/** A target on another port is another target: it keeps its weight and tag, and is probed from the beginning. */
const modifyTargetPort = action(
  'ModifyTargetPort',
  structure({ ...required(undefined), NewPort: integer(1, 65_535) }, ruleFields),
  (asked, engine, context) => {
    const { lb, requests } = requestsOf(asked, engine, context);
    refuseUnbound(requests, 'error');
    const moved = requests.map((request) => ({ ...request, port: asked.NewPort }));
    refuseDuplicates(moved, 'InvalidParameterValue.Duplicate');
    refuseBound(moved);
    refuseSecondListener(lb, moved, engine);
    engine.begin([lb.id], context, {
      taskName: 'ModifyTargetPort',
      durationMs: engine.settings.targetTaskMs,
      apply: () => {
        for (const request of requests) {
          const target = request.pool.find(request.ip, request.port);
          if (target === undefined) continue;
          const { ip, weight, tag, instanceId } = target;
          engine.runtime.deregister(request, target);
          engine.runtime.register(request, { ip, port: asked.NewPort, weight, tag, instanceId });
        }
      },
    });
    return {};
  },
);

export const singleTargetActions = (): Action[] => [
  registerTargets,
  deregisterTargets,
  modifyTargetWeight,
  modifyTargetPort,
];
