import { ApiError } from '../api-error.ts';
import { list, structure, text, word } from '../schema/fields.ts';
import { getListener } from '../store.ts';
import { type Action, action } from './action.ts';

/** Stopped, a listener keeps its rules and targets, takes no connection and probes nothing. */
const setLoadBalancerStartStatus = action(
  'SetLoadBalancerStartStatus',
  structure(
    { OperationType: word('Start', 'Stop'), LoadBalancerId: text() },
    { ListenerIds: list(text(), { min: 1 }) },
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    if (lb.listeners.size === 0) {
      throw new ApiError('FailedOperation.NoListenerInLB', `${lb.id} has no listener.`);
    }
    const { ListenerIds: ids = [...lb.listeners.keys()] } = asked;
    const listeners = ids.map((id) => getListener(lb, id, 'InvalidParameter.ListenerIdNotFound'));
    engine.begin([lb.id], context, {
      taskName: 'SetLoadBalancerStartStatus',
      durationMs: engine.settings.modifyListenerMs,
      apply: async () => {
        for (const listener of listeners) {
          if (asked.OperationType === 'Stop') engine.runtime.stopListener(lb, listener);
          else await engine.runtime.startListener(lb, listener);
        }
      },
    });
    return {};
  },
);

export const startStatusActions = (): Action[] => [setLoadBalancerStartStatus];
