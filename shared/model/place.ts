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

/** As users know it: `TCP:80`, `HTTP:80 a.example.com/path`. */
export const placeText = ({ protocol, port, rule }: Place): string =>
  `${protocol}:${port}${rule === undefined ? '' : ` ${rule.domain}${rule.url}`}`;
