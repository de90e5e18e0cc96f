import { Cluster } from 'ioredis';
import { type Client, told } from './connect.ts';

/** What of a Redis could lose what the store keeps. */
export interface RedisProblem {
  /** `host:port`. */
  readonly server: string;
  readonly setting: string;
  readonly value: string;
  readonly wanted: string;
}

const wanted = { appendonly: 'yes', 'maxmemory-policy': 'noeviction' } as const;

const settingOf = (answer: unknown): string | undefined => {
  const [, value] = Array.isArray(answer) ? answer : Object.entries(Object(answer)).flat();
  return typeof value === 'string' ? value : undefined;
};

/**
 * Whether the server, or each master of a cluster, keeps what it is given: an append-only file, and no eviction. A setting that it does not tell (as
 * managed ones do not) is no problem that we could know of.
 */
export const checkRedis = async (client: Client): Promise<readonly RedisProblem[]> => {
  // Connects, so that a cluster's nodes are known.
  await told(client, () => client.ping());
  const problems: RedisProblem[] = [];
  for (const node of client instanceof Cluster ? client.nodes('master') : [client]) {
    const server = `${node.options.host}:${node.options.port}`;
    for (const [setting, value] of Object.entries(wanted)) {
      const found = await told(node, () => node.config('GET', setting)).then(settingOf, () => undefined);
      if (found !== undefined && found !== value) {
        problems.push({ server, setting, value: found, wanted: value });
      }
    }
  }
  return problems;
};
