/** A rule of a layer-7 listener. Domain '': the load balancer's own address, for requests that no other rule takes. */
export interface RuleKey {
  readonly domain: string;
  readonly url: string;
}

/** Where targets stand: a listener of layer 4, or one rule of a listener of layer 7. A value, never a joined string. */
export interface Place {
  readonly protocol: string;
  readonly port: number;
  /** Layer 7 only, and always there. */
  readonly rule?: RuleKey;
}

export const samePlace = (a: Place, b: Place): boolean =>
  a.protocol === b.protocol &&
  a.port === b.port &&
  a.rule?.domain === b.rule?.domain &&
  a.rule?.url === b.rule?.url;

/** What is said of a whole listener holds for each of its rules. */
export const covers = (about: Place, place: Place): boolean =>
  samePlace(about, about.rule === undefined ? { protocol: place.protocol, port: place.port } : place);

/** Without what else a want carries. */
export const placeOf = ({ protocol, port, rule }: Place): Place => ({
  protocol,
  port,
  ...(rule === undefined ? {} : { rule: { domain: rule.domain, url: rule.url } }),
});

/** As users know it: `TCP:80`, `HTTP:80 a.example.com/path`. */
export const placeText = ({ protocol, port, rule }: Place): string =>
  `${protocol}:${port}${rule === undefined ? '' : ` ${rule.domain}${rule.url}`}`;
