import type { Lane, LoadBalancerKey } from '../../../model/desired-state.ts';

/** The keys of one shard: one hash tag, so that a Redis Cluster has them in one place. */
export const shardKeys = (prefix: string, shard: number) => {
  const tag = `{${prefix}:${shard}}`;
  return {
    loadBalancer: (key: LoadBalancerKey) => `${tag}:lb:${key}`,
    texts: (key: LoadBalancerKey) => `${tag}:texts:${key}`,
    leadership: `${tag}:leadership`,
    generation: `${tag}:generation`,
    puts: `${tag}:puts`,
    index: (name: 'object' | 'waiting' | 'evidence' | 'letter') => `${tag}:${name}`,
    due: (lane: Lane) => `${tag}:due:${lane}`,
    holds: `${tag}:holds`,
  };
};

/** FNV-1a; the same for everybody, for ever: it says where a load balancer is kept. */
export const shardOf = (key: LoadBalancerKey, shards: number): number => {
  let hash = 2_166_136_261;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 16_777_619);
  return (hash >>> 0) % shards;
};
