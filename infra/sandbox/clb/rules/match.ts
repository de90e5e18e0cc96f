import type { Layer7Listener, Rule } from '../load-balancer.ts';
import { type DomainPattern, parseDomain, parseUrl, type UrlPattern } from './names.ts';

/** Where a request goes. */
export type Match =
  | { readonly kind: 'rule'; readonly rule: Rule }
  /** The path lacks the slash at the end of the only URL that it fits. */
  | { readonly kind: 'redirect'; readonly path: string }
  | { readonly kind: 'none' };

interface Location {
  readonly url: UrlPattern;
  readonly rule: Rule;
}

interface Domain {
  readonly pattern: DomainPattern;
  readonly locations: readonly Location[];
}

/** The rules of one listener as they stand, ready to be asked many times. */
export interface RuleTable {
  readonly exact: ReadonlyMap<string, Domain>;
  /** In the order in which they are tried. */
  readonly patterns: readonly Domain[];
  readonly byDefault: Domain | undefined;
}

const none: Match = { kind: 'none' };

const fits = (pattern: DomainPattern, host: string): boolean => {
  if (pattern.kind === 'exact') return host === pattern.name;
  if (pattern.kind === 'ending') return host.length > pattern.end.length && host.endsWith(pattern.end);
  if (pattern.kind === 'beginning') {
    return host.length > pattern.start.length && host.startsWith(pattern.start);
  }
  return pattern.regex.test(host);
};

const rank = { exact: 0, ending: 1, beginning: 2, regex: 3 } as const;

const fixedLength = (pattern: DomainPattern): number => {
  if (pattern.kind === 'ending') return pattern.end.length;
  return pattern.kind === 'beginning' ? pattern.start.length : 0;
};

/** Exact before `*.x` before `x.*` before regular expressions; of a kind the longest, else the oldest first. */
const byPriority = (a: Domain, b: Domain): number =>
  rank[a.pattern.kind] - rank[b.pattern.kind] || fixedLength(b.pattern) - fixedLength(a.pattern);

/** Reads the rules once. Rules whose names are outside the grammar cannot exist and are left out. */
export const ruleTable = ({
  rules,
  defaultDomain,
}: Pick<Layer7Listener, 'rules' | 'defaultDomain'>): RuleTable => {
  const locationsByDomain = new Map<string, Location[]>();
  for (const rule of rules.values()) {
    const url = parseUrl(rule.url);
    if (url === undefined) continue;
    for (const domain of rule.domains) {
      const locations = locationsByDomain.get(domain) ?? [];
      locations.push({ url, rule });
      locationsByDomain.set(domain, locations);
    }
  }
  const exact = new Map<string, Domain>();
  const patterns: Domain[] = [];
  let byDefault: Domain | undefined;
  for (const [name, locations] of locationsByDomain) {
    const pattern = parseDomain(name, 120);
    if (pattern === undefined) continue;
    const domain = { pattern, locations };
    if (pattern.kind === 'exact') exact.set(pattern.name, domain);
    else patterns.push(domain);
    if (name === defaultDomain) byDefault = domain;
  }
  return { exact, patterns: patterns.sort(byPriority), byDefault };
};

/** The whole path first, then the longest prefix, unless a regular expression takes it from a prefix without `^~`. */
const matchPath = (locations: readonly Location[], path: string): Match => {
  let prefix: Location | undefined;
  let prefixLength = -1;
  let whole: Location | undefined;
  let slashed = false;
  let regex: Location | undefined;
  for (const location of locations) {
    const { url } = location;
    if (url.kind === 'exact') {
      if (url.path === path) return { kind: 'rule', rule: location.rule };
    } else if (url.kind === 'regex') {
      if (regex === undefined && url.regex.test(path)) regex = location;
    } else if (path.startsWith(url.path)) {
      if (url.path === path) whole = location;
      if (url.path.length > prefixLength) {
        prefix = location;
        prefixLength = url.path.length;
      }
    } else if (url.path === `${path}/`) {
      slashed = true;
    }
  }
  if (whole !== undefined) return { kind: 'rule', rule: whole.rule };
  if (slashed) return { kind: 'redirect', path: `${path}/` };
  const isFinal = prefix?.url.kind === 'prefix' && prefix.url.final;
  const found = regex !== undefined && !isFinal ? regex : prefix;
  return found === undefined ? none : { kind: 'rule', rule: found.rule };
};

/** A Host header as it is matched: lower case, without port and the dot of the root. */
export const hostOf = (header: string | undefined): string =>
  (header ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');

const domainOf = (table: RuleTable, host: string): Domain | undefined =>
  table.exact.get(host) ?? table.patterns.find(({ pattern }) => fits(pattern, host)) ?? table.byDefault;

/** Any rule of the domain that a host's requests go to; undefined while there is none. */
export const ruleOfHost = (table: RuleTable, host: string): Rule | undefined =>
  domainOf(table, host)?.locations[0]?.rule;

/**
 * The rule of a request. A host that no domain matches is the default domain's; a path that none of the
 * domain's URLs matches is nobody's, whatever other domains have.
 *
 * @param host as {@link hostOf} gives it
 * @param path without the query
 */
export const matchRule = (table: RuleTable, host: string, path: string): Match => {
  const domain = domainOf(table, host);
  return domain === undefined ? none : matchPath(domain.locations, path);
};
