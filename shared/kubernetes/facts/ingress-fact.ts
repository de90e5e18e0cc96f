import type { IngressClassFact, IngressFact, IngressRuleFact } from '../../model/facts.ts';
import type { RuleKey } from '../../model/place.ts';
import { type Problem, problem } from '../../model/problems.ts';
import { annotationKeys, jsonOf, notAllowed } from './annotations.ts';
import { type OwnerFactOptions, ownerFact } from './owner.ts';
import {
  identityOf,
  type Json,
  list,
  optional,
  type Parsed,
  portNumber,
  record,
  stringMap,
  text,
} from './read.ts';

const httpPort = 80;
const portsAllowed = 'JSON like [{"HTTP":80},{"HTTP":8080}]';
/** As TKE allows them (docs/facts.md). */
const host = /^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;
const path = /^\/[a-zA-Z0-9.\-/=?_]{0,119}$/;

/** HTTP ports; one of HTTPS is not served, and told with the hosts of `spec.tls`. */
const portsOf = (annotations: Readonly<Record<string, string>>, problems: Problem[]): readonly number[] => {
  const key = annotationKeys.ingressListenPorts;
  const asked = annotations[key];
  if (asked === undefined) return [httpPort];
  const entries = list(jsonOf(asked)).map(record);
  const ports = entries.flatMap((entry) => portNumber(entry['HTTP']) ?? []);
  const known = entries.every((entry) =>
    ['HTTP', 'HTTPS'].some((name) => portNumber(entry[name]) !== undefined),
  );
  if (entries.length === 0 || !known) {
    problems.push(notAllowed(key, asked, portsAllowed, 'warning'));
    return [httpPort];
  }
  return [...new Set(ports)];
};

interface Wanted {
  readonly rule: RuleKey;
  readonly pathType: string;
  readonly backend: Json;
}

const wantedOf = (spec: Json): readonly Wanted[] => {
  const rules = list(spec['rules']).flatMap((entry): Wanted[] => {
    const domain = text(record(entry)['host']) ?? '';
    return list(record(record(entry)['http'])['paths']).map((item) => {
      const raw = record(item);
      return {
        rule: { domain, url: text(raw['path']) ?? '/' },
        pathType: text(raw['pathType']) ?? 'ImplementationSpecific',
        backend: record(raw['backend']),
      };
    });
  });
  const fallback = spec['defaultBackend'];
  return fallback === undefined || fallback === null
    ? rules
    : [...rules, { rule: { domain: '', url: '/' }, pathType: 'Prefix', backend: record(fallback) }];
};

const rulesOf = (spec: Json, ports: readonly number[], problems: Problem[]): readonly IngressRuleFact[] => {
  const secured = new Set(
    list(spec['tls']).flatMap((entry) => list(record(entry)['hosts']).flatMap((name) => text(name) ?? [])),
  );
  const seen = new Set<string>();
  return wantedOf(spec).flatMap(({ rule, pathType, backend }): IngressRuleFact[] => {
    const where = `Rule ${rule.domain}${rule.url}`;
    const refuse = (code: Problem['code'], why: string): [] => {
      const about = ports.map((port) => ({ protocol: 'HTTP', port, rule }));
      for (const listener of about) problems.push(problem(code, `${where}: ${why}`, { about: { listener } }));
      return [];
    };
    const service = record(backend['service']);
    const name = text(service['name']);
    const port = portNumber(record(service['port'])['number']) ?? text(record(service['port'])['name']);
    if (name === undefined || port === undefined) return refuse('E4041', 'its backend is no Service.');
    if (rule.domain !== '' && !host.test(rule.domain)) return refuse('E4052', 'its host is not allowed.');
    if (!path.test(rule.url)) return refuse('E4031', 'its path is not allowed.');
    if (pathType === 'Exact') return refuse('D1013', 'pathType Exact is not served.');
    if (secured.has(rule.domain)) return refuse('D1012', 'HTTPS is not served.');
    const key = JSON.stringify(rule);
    if (seen.has(key)) return refuse('D1005', 'it stands there twice; the first one counts.');
    seen.add(key);
    return [{ rule, service: name, port }];
  });
};

/** An Ingress, parsed once at the door. Never throws. */
export const ingressFact = (object: unknown, options: OwnerFactOptions = {}): Parsed<IngressFact> => {
  const identity = identityOf(object, 'Ingress');
  if (identity === undefined)
    return { dropped: 'an Ingress without namespace, name, uid or resourceVersion' };
  const spec = record(record(object)['spec']);
  const annotations = stringMap(identity.metadata['annotations']);
  const owner = ownerFact(object, identity, 'Ingress', options);
  const problems: Problem[] = [...owner.problems];
  const ports = portsOf(annotations, problems);
  return {
    fact: {
      ...owner,
      ...optional(
        'className',
        text(annotations[annotationKeys.ingressClass]) ?? text(spec['ingressClassName']),
      ),
      ports,
      rules: rulesOf(spec, ports, problems),
      problems,
    },
  };
};

export const ingressClassFact = (object: unknown): Parsed<IngressClassFact> => {
  const metadata = record(record(object)['metadata']);
  const [name, uid] = [text(metadata['name']), text(metadata['uid'])];
  if (name === undefined || uid === undefined) return { dropped: 'an IngressClass without name or uid' };
  return {
    fact: { ref: { name, uid }, controller: text(record(record(object)['spec'])['controller']) ?? '' },
  };
};
