import { isDeepStrictEqual } from 'node:util';
import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Layer7Listener, Rule } from '../load-balancer.ts';
import type { HealthCheck, Tls } from '../model.ts';
import { Pool } from '../pool.ts';
import { parseDomain, parseUrl } from '../rules/names.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { type AskedTls, asksForTls, certificateFields, tlsOf } from './certificate-parameters.ts';
import {
  type AskedHealthCheck,
  defaultHealthCheck,
  healthCheckField,
  mergeHealthCheck,
} from './health-check-parameters.ts';
import { checkSessionExpireTime } from './listener-parameters.ts';

export const ruleInput = structure(
  { Url: text({ min: 1, max: 200 }) },
  {
    Domain: text({ min: 1, max: 80 }),
    Domains: list(text({ min: 1, max: 80 }), { min: 1 }),
    SessionExpireTime: integer(0, 86_400),
    HealthCheck: healthCheckField,
    ...certificateFields,
    Scheduler: word('WRR', 'LEAST_CONN', 'IP_HASH'),
    ForwardType: word('HTTP', 'HTTPS', 'GRPC', 'GRPCS', 'TRPC'),
    DefaultServer: flag,
    Http2: flag,
    Quic: flag,
    TargetType: word('NODE', 'TARGETGROUP', 'TARGETGROUP-V2'),
    TrpcCallee: text(),
    TrpcFunc: text(),
    CookieName: text(),
  },
);

export type RuleInput = ReturnType<typeof ruleInput.parse>;

/** What only HTTPS listeners have, and what is not simulated. */
interface HttpsMembers extends AskedTls {
  readonly Http2?: boolean;
  readonly Quic?: boolean;
  readonly ForwardType?: string;
  readonly TrpcCallee?: string;
  readonly TrpcFunc?: string;
}

/** @throws ApiError InvalidParameterValue, UnsupportedOperation */
export const checkHttpsMembers = (
  asked: HttpsMembers,
  { protocol, sni = false }: Layer7Listener,
  path: string,
): void => {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (asksForTls(asked) && !sni) {
    throw new ApiError(
      'InvalidParameterValue',
      `A rule of a ${protocol} listener without SNI takes no certificate.`,
    );
  }
  const https = protocol === 'HTTPS';
  const { ForwardType: forwardType = 'HTTP' } = asked;
  if (forwardType === 'TRPC' || asked.TrpcCallee !== undefined || asked.TrpcFunc !== undefined) {
    throw new ApiError('UnsupportedOperation', 'TRPC is not simulated.');
  }
  if (!https && asked.Http2 === true) throw wrongValue(at('Http2'), true);
  if (!https && asked.Quic === true) throw wrongValue(at('Quic'), true);
  if (!https && forwardType !== 'HTTP') throw wrongValue(at('ForwardType'), forwardType);
  if (asked.Quic === true) throw new ApiError('UnsupportedOperation', 'QUIC is not simulated.');
  if (forwardType !== 'HTTP') {
    throw new ApiError('UnsupportedOperation', `Targets are not spoken to by ${forwardType} here.`);
  }
};

/** @throws ApiError InvalidParameterValue */
export const checkDomain = (domain: string, path: string, maxLength?: number): void => {
  if (parseDomain(domain, maxLength) === undefined) throw wrongValue(path, domain);
};

/** @throws ApiError InvalidParameterValue */
export const checkUrl = (url: string, path: string): void => {
  if (parseUrl(url) === undefined) throw wrongValue(path, url);
};

/**
 * One of two members that say the same: a name, or a list of them.
 *
 * @throws ApiError MissingParameter, InvalidParameter
 */
export const domainsOf = (
  one: string | undefined,
  several: readonly string[] | undefined,
  path: string,
): readonly string[] | undefined => {
  if (one !== undefined && several !== undefined) {
    throw new ApiError('InvalidParameter', `Only one of ${path} and ${path}s may be set.`);
  }
  const domains = several ?? (one === undefined ? undefined : [one]);
  if (domains !== undefined && new Set(domains).size < domains.length) throw wrongValue(`${path}s`, domains);
  return domains;
};

/**
 * What a rule is probed with. The domain of the probes is the rule's own where that is one name.
 *
 * @throws ApiError MissingParameter, InvalidParameterValue
 */
export const ruleHealthCheck = (
  asked: AskedHealthCheck | undefined,
  { protocol }: Layer7Listener,
  domains: readonly string[],
  path: string,
  engine: Engine,
): HealthCheck => {
  const healthCheck = mergeHealthCheck(defaultHealthCheck(protocol), asked, protocol);
  if (healthCheck.HttpCheckDomain !== null) return healthCheck;
  const name = domains.find((domain) => parseDomain(domain)?.kind === 'exact');
  if (name !== undefined) return { ...healthCheck, HttpCheckDomain: name };
  if (healthCheck.HealthSwitch === 1 && engine.settings.patternWithoutCheckDomain === 'refuse') {
    throw missingParameter(`${path}.HealthCheck.HttpCheckDomain`);
  }
  return healthCheck;
};

/**
 * The same domain and URL is one rule; a domain stands with the same others in all of its rules.
 *
 * @throws ApiError the code of a duplicate
 */
export const refuseTaken = (
  rules: readonly Rule[],
  domains: readonly string[],
  url: string,
  engine: Engine,
): void => {
  for (const rule of rules) {
    const shared = rule.domains.find((domain) => domains.includes(domain));
    if (shared === undefined) continue;
    if (rule.url === url) {
      throw new ApiError(
        engine.settings.duplicateRuleCode,
        `The rule of domain ${shared} and url ${url} already exists: ${rule.id}.`,
      );
    }
    const same = rule.domains.length === domains.length && rule.domains.every((one) => domains.includes(one));
    if (!same) {
      throw new ApiError('InvalidParameterValue', `Domain ${shared} already belongs to ${rule.id}.`);
    }
  }
};

/**
 * The certificates of a rule under SNI: its own, or those that its domain has by other rules.
 *
 * @throws ApiError MissingParameter when there are none, InvalidParameterValue when the domain has others
 */
const ruleTls = (
  asked: RuleInput,
  siblings: readonly Rule[],
  path: string,
  engine: Engine,
): Tls | undefined => {
  const before = siblings[0]?.tls;
  const tls = tlsOf(asked, path, engine) ?? before;
  if (tls === undefined) throw missingParameter(`${path}.Certificate`);
  if (before === undefined || isDeepStrictEqual(before, tls)) return tls;
  if (engine.settings.secondCertificateOfDomain === 'refuse') {
    throw new ApiError('InvalidParameterValue', `Domain ${siblings[0]?.domains[0]} has another certificate.`);
  }
  return tls;
};

/** A rule as it was asked for. @throws ApiError when anything about it is wrong */
export const buildRule = (
  asked: RuleInput,
  listener: Layer7Listener,
  others: readonly Rule[],
  path: string,
  engine: Engine,
): Rule => {
  const domains = domainsOf(asked.Domain, asked.Domains, `${path}.Domain`);
  if (domains === undefined) throw missingParameter(`${path}.Domain`);
  for (const domain of domains) checkDomain(domain, `${path}.Domain`);
  checkUrl(asked.Url, `${path}.Url`);
  checkHttpsMembers(asked, listener, path);
  if (asked.TargetType !== undefined && asked.TargetType !== 'NODE') {
    throw new ApiError('UnsupportedOperation', 'Target groups are not simulated.');
  }
  checkSessionExpireTime(asked.SessionExpireTime, `${path}.SessionExpireTime`);
  refuseTaken(others, domains, asked.Url, engine);
  const healthCheck = ruleHealthCheck(asked.HealthCheck, listener, domains, path, engine);
  const pool = new Pool(healthCheck, asked.Scheduler ?? 'WRR', asked.SessionExpireTime ?? 0);
  const siblings = others.filter((rule) => rule.domains.some((domain) => domains.includes(domain)));
  const tls = listener.sni === true ? ruleTls(asked, siblings, path, engine) : undefined;
  return {
    id: pool.locationId,
    createdAt: new Date(),
    domains,
    url: asked.Url,
    cookieName: asked.CookieName ?? '',
    ...(tls === undefined ? {} : { tls }),
    http2: asked.Http2 ?? siblings[0]?.http2 ?? false,
    pool,
  };
};
