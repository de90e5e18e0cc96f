import type { Clock } from '../model/clock.ts';
import type { Lane } from '../model/desired-state.ts';
import type { Action, Answer, ClbApi, Requests } from './clb-api.ts';
import { ClbError } from './clb-port.ts';
import type { Gate } from './connection.ts';

/** The store's budget, as this folder sees it (law L11). */
export type Pace = (
  action: string,
  lane: Lane,
) => Promise<
  { readonly granted: true } | { readonly granted: false; readonly afterMs: number; readonly reason?: string }
>;

export interface ClbOptions {
  readonly api: ClbApi;
  readonly pace: Pace;
  readonly clock: Clock;
  /** Names the cluster in listener names. */
  readonly clusterId: string;
  /** The network that load balancers are made in; the account's default one if absent. */
  readonly vpcId?: string;
  /** Targets in one register or deregister call; default 200, at most 500. */
  readonly batchTargets?: number;
  /** How long a task is waited for; default 10 s. */
  readonly taskTimeoutMs?: number;
}

/** One call within the budget. Throws ClbError `throttled` without calling if there is none: nobody waits for it. */
export const paced = async <A extends Action>(
  options: ClbOptions,
  lane: Lane,
  action: A,
  request: Requests[A],
  gate?: Gate,
): Promise<Answer<A>> => {
  const answer = await options.pace(action, lane);
  if (!answer.granted) {
    const { afterMs, reason: message = 'no budget' } = answer;
    throw new ClbError(action, { kind: 'throttled', afterMs, message });
  }
  return options.api.call(action, request, gate);
};
