import type { NodePortRule, ProxyEndpoint } from './rules.ts';

const isSame = (a: ProxyEndpoint, b: ProxyEndpoint): boolean => a.ip === b.ip && a.port === b.port;

/** Which endpoint the clients of one node port went to last. */
export class Affinity {
  readonly #last = new Map<string, { endpoint: ProxyEndpoint; atMs: number }>();

  /**
   * The endpoint of a new connection: any one, or with session affinity that of the client's last one while it may
   * still be used.
   *
   * @param random 0 to 1
   */
  choose(rule: NodePortRule, client: string, nowMs: number, random: () => number): ProxyEndpoint | undefined {
    const { endpoints, affinitySeconds } = rule;
    const drawn = (): ProxyEndpoint | undefined => endpoints[Math.floor(random() * endpoints.length)];
    if (affinitySeconds === undefined) return drawn();
    const expiredMs = nowMs - affinitySeconds * 1000;
    for (const [other, { atMs }] of this.#last) if (atMs <= expiredMs) this.#last.delete(other);
    const last = this.#last.get(client)?.endpoint;
    const endpoint = last !== undefined && endpoints.some((one) => isSame(one, last)) ? last : drawn();
    if (endpoint !== undefined) this.#last.set(client, { endpoint, atMs: nowMs });
    return endpoint;
  }
}
