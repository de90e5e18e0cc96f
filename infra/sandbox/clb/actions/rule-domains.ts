import { ApiError, wrongValue } from '../api-error.ts';
import type { CallContext, Engine } from '../engine/engine.ts';
import type { Layer7Listener, LoadBalancer, Rule } from '../load-balancer.ts';
import { rulesOfDomain, settleDefault } from '../rules/default-domain.ts';
import { flag, list, structure, text } from '../schema/fields.ts';
import { getLayer7Listener } from '../store.ts';
import { type Action, action } from './action.ts';
import { certificateFields, tlsOf } from './certificate-parameters.ts';
import { checkDomain, checkHttpsMembers, domainsOf, refuseTaken } from './rule-parameters.ts';

const ids = { LoadBalancerId: text(), ListenerId: text(), Domain: text() };

interface Asked {
  readonly LoadBalancerId: string;
  readonly ListenerId: string;
  readonly Domain: string;
}

/** The rules of the domain that is to be changed. @throws ApiError InvalidParameter */
const found = (
  asked: Asked,
  engine: Engine,
  { region }: CallContext,
): { lb: LoadBalancer; listener: Layer7Listener; rules: Rule[] } => {
  const lb = engine.writable(asked.LoadBalancerId, region);
  const listener = getLayer7Listener(lb, asked.ListenerId);
  const rules = rulesOfDomain(listener, asked.Domain);
  if (rules.length === 0) {
    throw new ApiError('InvalidParameter', `Domain ${asked.Domain} not found in ${listener.id}.`);
  }
  return { lb, listener, rules };
};

/** @throws ApiError when another rule has one of the new names */
const checkRename = (
  rules: readonly Rule[],
  listener: Layer7Listener,
  domains: readonly string[],
  engine: Engine,
): void => {
  const others = [...listener.rules.values()].filter((rule) => !rules.includes(rule));
  for (const { url } of rules) refuseTaken(others, domains, url, engine);
};

const rename = (rules: readonly Rule[], listener: Layer7Listener, domains: readonly string[]): void => {
  const { defaultDomain } = listener;
  for (const rule of rules) {
    if (defaultDomain !== undefined && rule.domains.includes(defaultDomain)) {
      listener.defaultDomain = domains[0];
    }
    rule.domains = domains;
  }
};

const modifyDomain = action(
  'ModifyDomain',
  structure({ ...ids, NewDomain: text({ min: 1, max: 120 }) }, {}),
  (asked, engine, context) => {
    const { lb, listener, rules } = found(asked, engine, context);
    checkDomain(asked.NewDomain, 'NewDomain', 120);
    checkRename(rules, listener, [asked.NewDomain], engine);
    engine.begin([lb.id], context, {
      taskName: 'UpdateQLBL7ListenerDomain',
      durationMs: engine.settings.modifyRuleMs,
      apply: () => {
        rename(rules, listener, [asked.NewDomain]);
        for (const rule of rules) engine.runtime.ruleChanged(lb, listener, rule, 'modified');
      },
    });
    return {};
  },
);

/**
 * The domain that takes over when the default one gives it up.
 *
 * @throws ApiError InvalidParameterValue when it is the only one, or the one that is named does not exist
 */
const successorOf = (
  rules: readonly Rule[],
  listener: Layer7Listener,
  named: string | undefined,
): string | undefined => {
  const others = [...listener.rules.values()].filter((rule) => !rules.includes(rule));
  if (named !== undefined) {
    if (!others.some(({ domains }) => domains.includes(named))) {
      throw wrongValue('NewDefaultServerDomain', named);
    }
    return named;
  }
  const [oldest] = others;
  if (oldest === undefined) {
    throw new ApiError('InvalidParameterValue', 'The only domain of a listener is its default server.');
  }
  return oldest.domains[0];
};

const modifyDomainAttributes = action(
  'ModifyDomainAttributes',
  structure(ids, {
    NewDomain: text({ min: 1, max: 120 }),
    NewDomains: list(text({ min: 1, max: 80 }), { min: 1 }),
    ...certificateFields,
    Http2: flag,
    DefaultServer: flag,
    Quic: flag,
    NewDefaultServerDomain: text(),
  }),
  (asked, engine, context) => {
    const { lb, listener, rules } = found(asked, engine, context);
    checkHttpsMembers(asked, listener, '');
    const domains = domainsOf(asked.NewDomain, asked.NewDomains, 'NewDomain');
    if (domains !== undefined) {
      for (const domain of domains) checkDomain(domain, 'NewDomain', 120);
      checkRename(rules, listener, domains, engine);
    }
    const isDefault = rules.some(({ domains: own }) => own.some((one) => one === listener.defaultDomain));
    const successor =
      asked.DefaultServer === false && isDefault
        ? successorOf(rules, listener, asked.NewDefaultServerDomain)
        : undefined;
    const tls = tlsOf(asked, '', engine);
    engine.begin([lb.id], context, {
      taskName: 'ModifyDomainAttributes',
      durationMs: engine.settings.modifyRuleMs,
      apply: () => {
        if (domains !== undefined) rename(rules, listener, domains);
        if (asked.DefaultServer === true) listener.defaultDomain = rules[0]?.domains[0];
        if (successor !== undefined) listener.defaultDomain = successor;
        settleDefault(listener);
        for (const rule of rules) {
          if (tls !== undefined) rule.tls = tls;
          rule.http2 = asked.Http2 ?? rule.http2 ?? false;
          engine.runtime.ruleChanged(lb, listener, rule, 'modified');
        }
      },
    });
    return {};
  },
);

export const ruleDomainActions = (): Action[] => [modifyDomain, modifyDomainAttributes];
