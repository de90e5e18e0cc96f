import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import type {
  BatchDeregisterTargetsRequest,
  BatchModifyTargetWeightRequest,
  BatchRegisterTargetsRequest,
  CreateListenerRequest,
  CreateLoadBalancerRequest,
  CreateRuleRequest,
  DeleteLoadBalancerListenersRequest,
  DeleteLoadBalancerRequest,
  DeleteRuleRequest,
  DescribeListenersRequest,
  DescribeLoadBalancersRequest,
  DescribeTargetHealthRequest,
  DescribeTargetsRequest,
  DescribeTaskStatusRequest,
  ModifyListenerRequest,
  ModifyRuleRequest,
} from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.js';
import type { Clock } from '../model/clock.ts';
import type { Answers } from './answers.ts';
import { readersByAction, requestIdOf } from './answers.ts';
import type { ClbFailure } from './clb-port.ts';
import type { Gate } from './connection.ts';
import { createAgent, withGate } from './connection.ts';
import { sortThrown } from './errors.ts';

/** The calls that we use, as the official SDK types them. */
export interface Requests {
  DescribeLoadBalancers: DescribeLoadBalancersRequest;
  DescribeListeners: DescribeListenersRequest;
  DescribeTargets: DescribeTargetsRequest;
  DescribeTargetHealth: DescribeTargetHealthRequest;
  DescribeTaskStatus: DescribeTaskStatusRequest;
  CreateLoadBalancer: CreateLoadBalancerRequest;
  DeleteLoadBalancer: DeleteLoadBalancerRequest;
  CreateListener: CreateListenerRequest;
  ModifyListener: ModifyListenerRequest;
  /** Without ids it deletes all listeners; the type forbids that (law L8). */
  DeleteLoadBalancerListeners: DeleteLoadBalancerListenersRequest & { readonly ListenerIds: string[] };
  CreateRule: CreateRuleRequest;
  ModifyRule: ModifyRuleRequest;
  /** By id only: with a domain it would delete what others may have made under it. */
  DeleteRule: DeleteRuleRequest & { readonly LocationIds: string[] };
  BatchRegisterTargets: BatchRegisterTargetsRequest;
  BatchDeregisterTargets: BatchDeregisterTargetsRequest;
  BatchModifyTargetWeight: BatchModifyTargetWeightRequest;
}

export type Action = keyof Requests;

export type Answer<A extends Action> = Answers[A] & { readonly requestId: string };

/** One call that ended, for metrics, traces and call scripts. */
export interface ClbCall {
  readonly action: Action;
  readonly request: Requests[Action];
  /** The load balancer that it is about, if it is about one. */
  readonly loadBalancerId?: string;
  /** Duration. */
  readonly ms: number;
  readonly outcome: 'ok' | ClbFailure['kind'] | 'not-sent';
  readonly requestId?: string;
}

export interface ClbCredentials {
  readonly secretId: string;
  readonly secretKey: string;
  /** Of temporary credentials. */
  readonly token?: string;
}

export interface ClbApiOptions {
  readonly region: string;
  /** Host, with a port if need be: `clb.tencentcloudapi.com`. */
  readonly endpoint: string;
  readonly protocol: 'http:' | 'https:';
  /** Read for every call: they change under us. */
  readonly credentials: () => ClbCredentials | Promise<ClbCredentials>;
  readonly clock: Clock;
  /** Of one call; default 10 s, half a hold (law L4). */
  readonly timeoutMs?: number;
  readonly onCall?: (call: ClbCall) => void;
}

export interface ClbApi {
  /**
   * One call, no retry. `gate` is asked before it is sent, and again when a connection had to be made for it first;
   * what it throws is thrown on as it is, and the call was not sent. Throws ClbError for everything else.
   */
  call<A extends Action>(action: A, request: Requests[A], gate?: Gate): Promise<Answer<A>>;
  close(): void;
}

const aboutOne = (request: Requests[Action]): string | undefined => {
  if ('LoadBalancerId' in request) return request.LoadBalancerId;
  const ids = 'LoadBalancerIds' in request ? request.LoadBalancerIds : undefined;
  return ids?.length === 1 ? ids[0] : undefined;
};

/** The CLB API through the official SDK: typed, timed, with every answer read and every error sorted. */
export const createClbApi = (options: ClbApiOptions): ClbApi => {
  const timeoutMs = options.timeoutMs ?? 10_000;
  // Ours, not the SDK's default: that one follows `http_proxy` with no exceptions, and knows no gate.
  const agent = createAgent(options.protocol, timeoutMs);

  const send = async <A extends Action>(action: A, request: Requests[A], gate: Gate): Promise<Answer<A>> => {
    const credential = { ...(await options.credentials()) };
    await gate();
    const client = new clb.v20180317.Client({
      credential,
      region: options.region,
      profile: {
        // The table of errors knows the English messages.
        language: 'en-US',
        httpProfile: {
          endpoint: options.endpoint,
          protocol: `${options.protocol}//`,
          reqTimeout: timeoutMs / 1000,
          agent,
        },
      },
    });
    const answer: unknown = await client.request(action, request, { signal: AbortSignal.timeout(timeoutMs) });
    return { ...readersByAction[action](answer), requestId: requestIdOf(answer) };
  };

  return {
    call: async (action, request, gate) => {
      const startedAt = options.clock.now();
      const loadBalancerId = aboutOne(request);
      const ended = (outcome: ClbCall['outcome'], requestId: string | undefined): void =>
        options.onCall?.({
          action,
          request,
          ...(loadBalancerId === undefined ? {} : { loadBalancerId }),
          ms: options.clock.now() - startedAt,
          outcome,
          ...(requestId === undefined ? {} : { requestId }),
        });
      let refusal: { readonly error: unknown } | undefined;
      const guarded: Gate = async () => {
        try {
          await gate?.();
        } catch (error) {
          refusal = { error };
          throw error;
        }
      };
      const answer = await withGate(guarded, () => send(action, request, guarded)).catch(
        (thrown: unknown) => {
          // The SDK wraps what happens while connecting in an error of its own.
          if (refusal !== undefined) {
            ended('not-sent', undefined);
            throw refusal.error;
          }
          const error = sortThrown(action, thrown);
          ended(error.failure.kind, error.requestId);
          throw error;
        },
      );
      ended('ok', answer.requestId);
      return answer;
    },
    close: () => agent.destroy(),
  };
};
