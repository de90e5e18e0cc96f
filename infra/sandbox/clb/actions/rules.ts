import { ApiError, missingParameter, tooShort, wrongValue } from '../api-error.ts';
import type { Layer7Listener, Rule } from '../load-balancer.ts';
import { rulesOfDomain, settleDefault } from '../rules/default-domain.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { getLayer7Listener, getRule } from '../store.ts';
import { type Action, action } from './action.ts';
import { healthCheckField, mergeHealthCheck } from './health-check-parameters.ts';
import { checkSessionExpireTime } from './listener-parameters.ts';
import {
  buildRule,
  checkHttpsMembers,
  checkUrl,
  type RuleInput,
  refuseTaken,
  ruleInput,
} from './rule-parameters.ts';

/**
 * The default domain after rules were added: the one that asks to be it, else the one there is, else that of
 * the first rule.
 *
 * @throws ApiError InvalidParameterValue when two ask, or one does beside the one there is and must not
 */
const defaultAfter = (
  asked: readonly RuleInput[],
  made: readonly Rule[],
  { defaultDomain }: Layer7Listener,
  second: 'replace' | 'refuse',
): string | undefined => {
  const asking = made.filter((_, at) => asked[at]?.DefaultServer === true);
  const wanted = asking[0]?.domains[0];
  if (wanted === undefined) return defaultDomain ?? made[0]?.domains[0];
  if (asking.some(({ domains }) => !domains.includes(wanted))) {
    throw new ApiError('InvalidParameterValue', 'Only one domain of a listener can be the default server.');
  }
  if (defaultDomain !== undefined && !asking[0]?.domains.includes(defaultDomain) && second === 'refuse') {
    throw new ApiError('InvalidParameterValue', `The default server is ${defaultDomain} already.`);
  }
  return wanted;
};

/** What belongs to a domain is the same in all of its rules. */
const alike = (rule: Rule, newer: Rule): void => {
  if (newer.tls !== undefined) rule.tls = newer.tls;
  if (newer.http2 !== undefined) rule.http2 = newer.http2;
};

const createRule = action(
  'CreateRule',
  structure({ LoadBalancerId: text(), ListenerId: text(), Rules: list(ruleInput, { min: 1 }) }, {}),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const listener = getLayer7Listener(lb, asked.ListenerId);
    const { quotaRules, secondDefaultServer } = engine.settings;
    const made: Rule[] = [];
    for (const [at, input] of asked.Rules.entries()) {
      const others = [...listener.rules.values(), ...made];
      made.push(buildRule(input, listener, others, `Rules.${at}`, engine));
    }
    if (listener.rules.size + made.length > quotaRules) {
      throw new ApiError('LimitExceeded', `The quota of ${quotaRules} rules of ${listener.id} is exceeded.`);
    }
    const defaultDomain = defaultAfter(asked.Rules, made, listener, secondDefaultServer);
    engine.begin([lb.id], context, {
      taskName: 'CreateRule',
      durationMs: engine.settings.createRuleMs,
      apply: () => {
        listener.defaultDomain = defaultDomain;
        for (const rule of made) {
          for (const sibling of rulesOfDomain(listener, rule.domains[0] ?? '')) alike(sibling, rule);
          engine.runtime.addRule(lb, listener, rule);
        }
      },
    });
    return { LocationIds: made.map(({ id }) => id) };
  },
);

const modifyRule = action(
  'ModifyRule',
  structure(
    { LoadBalancerId: text(), ListenerId: text(), LocationId: text() },
    {
      Url: text({ min: 1, max: 200 }),
      HealthCheck: healthCheckField,
      Scheduler: word('WRR', 'LEAST_CONN', 'IP_HASH'),
      SessionExpireTime: integer(0, 86_400),
      ForwardType: word('HTTP', 'HTTPS', 'GRPC', 'GRPCS', 'TRPC'),
      TrpcCallee: text(),
      TrpcFunc: text(),
      OAuth: structure({}, { OAuthEnable: flag, OAuthFailureStatus: text() }),
      CookieName: text(),
    },
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const listener = getLayer7Listener(lb, asked.ListenerId);
    const rule = getRule(listener, asked.LocationId);
    checkHttpsMembers(asked, listener, '');
    if (asked.OAuth !== undefined) throw new ApiError('UnsupportedOperation', 'OAuth is not simulated.');
    checkSessionExpireTime(asked.SessionExpireTime);
    if (asked.Url !== undefined) {
      checkUrl(asked.Url, 'Url');
      const others = [...listener.rules.values()].filter((other) => other !== rule);
      refuseTaken(others, rule.domains, asked.Url, engine);
    }
    const { pool } = rule;
    const healthCheck = mergeHealthCheck(pool.healthCheck, asked.HealthCheck, listener.protocol);
    engine.begin([lb.id], context, {
      taskName: 'ModifyRule',
      durationMs: engine.settings.modifyRuleMs,
      apply: () => {
        rule.url = asked.Url ?? rule.url;
        rule.cookieName = asked.CookieName ?? rule.cookieName;
        pool.scheduler = asked.Scheduler ?? pool.scheduler;
        pool.sessionExpireSeconds = asked.SessionExpireTime ?? pool.sessionExpireSeconds;
        if (asked.HealthCheck !== undefined) {
          pool.healthCheck = healthCheck;
          engine.runtime.healthCheckChanged({ loadBalancer: lb, listener, pool });
        }
        engine.runtime.ruleChanged(lb, listener, rule, 'modified');
      },
    });
    return {};
  },
);

interface AskedDeletion {
  readonly LocationIds?: readonly string[];
  readonly Domain?: string;
  readonly Url?: string;
}

/** All or nothing. @throws ApiError MissingParameter, InvalidParameterValue.Length, InvalidParameter */
const rulesToDelete = (asked: AskedDeletion, listener: Layer7Listener): Rule[] => {
  const { LocationIds: ids, Domain: domain, Url: url } = asked;
  if (ids !== undefined && ids.length > 0) return [...new Set(ids)].map((id) => getRule(listener, id));
  if (domain === undefined) {
    if (ids !== undefined) throw tooShort('LocationIds', 1);
    throw missingParameter('LocationIds');
  }
  const found = rulesOfDomain(listener, domain).filter((rule) => url === undefined || rule.url === url);
  if (found.length === 0) {
    throw new ApiError('InvalidParameter', `Rule ${domain}${url ?? ''} not found in ${listener.id}.`);
  }
  return found;
};

const deleteRule = action(
  'DeleteRule',
  structure(
    { LoadBalancerId: text(), ListenerId: text() },
    { LocationIds: list(text()), Domain: text(), Url: text(), NewDefaultServerDomain: text() },
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const listener = getLayer7Listener(lb, asked.ListenerId);
    const going = rulesToDelete(asked, listener);
    const { NewDefaultServerDomain: successor } = asked;
    if (successor !== undefined && rulesOfDomain(listener, successor).every((rule) => going.includes(rule))) {
      throw wrongValue('NewDefaultServerDomain', successor);
    }
    engine.begin([lb.id], context, {
      taskName: 'DeleteRule',
      durationMs: engine.settings.deleteRuleMs,
      apply: () => {
        for (const rule of going) engine.runtime.removeRule(lb, listener, rule);
        settleDefault(listener, successor);
      },
    });
    return {};
  },
);

export const ruleActions = (): Action[] => [createRule, modifyRule, deleteRule];
