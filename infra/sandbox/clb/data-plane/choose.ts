import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import type { ClbSettings } from '../settings.ts';

export type TrafficRules = Pick<ClbSettings, 'failOpen' | 'unknownTakesTraffic'>;

export const takesTraffic = (target: Target, rules: TrafficRules): boolean =>
  target.health === 'Alive' ||
  target.health === 'Close' ||
  (target.health === 'Unknown' && rules.unknownTakesTraffic);

/**
 * The targets that a new connection may go to: weight above 0 and healthy (or not probed at all). All with a
 * weight above 0 when every target of the pool is Dead (fail-open); a single one that is Unknown prevents it.
 */
export const eligible = (pool: Pool, rules: TrafficRules): Target[] => {
  const chosen: Target[] = [];
  const weighted: Target[] = [];
  let allDead = pool.size > 0;
  for (const target of pool.targets) {
    if (target.health !== 'Dead') allDead = false;
    if (target.weight === 0) continue;
    weighted.push(target);
    if (takesTraffic(target, rules)) chosen.push(target);
  }
  return allDead && rules.failOpen ? weighted : chosen;
};

/** Smooth weighted round robin: in any window of the weights' sum, each is chosen as often as its weight. */
const weightedRoundRobin = (targets: readonly Target[]): Target | undefined => {
  let sum = 0;
  let best: Target | undefined;
  for (const target of targets) {
    sum += target.weight;
    target.credit += target.weight;
    if (best === undefined || target.credit > best.credit) best = target;
  }
  if (best !== undefined) best.credit -= sum;
  return best;
};

/** The fewest established connections for its weight; among equals in turn. */
const leastConnections = (targets: readonly Target[]): Target | undefined => {
  let least = Number.POSITIVE_INFINITY;
  for (const { connections, weight } of targets) least = Math.min(least, connections.size / weight);
  return weightedRoundRobin(targets.filter(({ connections, weight }) => connections.size / weight === least));
};

/** FNV-1a, then MurmurHash3's last steps: FNV alone leaves texts that differ at their end so near that weights do not show. */
const hashOf = (value: string): number => {
  let hash = 2_166_136_261;
  for (let at = 0; at < value.length; at += 1) hash = Math.imul(hash ^ value.charCodeAt(at), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** Rendezvous hashing by weight: a client stays where it is when another target comes or goes. */
const byAddress = (targets: readonly Target[], client: string): Target | undefined => {
  let best: Target | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const target of targets) {
    const uniform = (hashOf(`${client} ${target.ip} ${target.port}`) + 1) / 4_294_967_297;
    const score = target.weight / -Math.log(uniform);
    if (score > bestScore) {
      best = target;
      bestScore = score;
    }
  }
  return best;
};

/** Who of these is next. */
export const schedule = (pool: Pool, targets: readonly Target[], client: string): Target | undefined => {
  if (pool.scheduler === 'LEAST_CONN') return leastConnections(targets);
  if (pool.scheduler === 'IP_HASH') return byAddress(targets, client);
  return weightedRoundRobin(targets);
};

const manySessions = 50_000;

const forgetExpired = (pool: Pool, nowMs: number): void => {
  for (const [client, { expiresAtMs }] of pool.sessions) {
    if (expiresAtMs <= nowMs) pool.sessions.delete(client);
  }
};

/**
 * The target of a new connection; undefined when there is none. With session persistence a client comes back
 * to its target until it was away for `sessionMs`, as long as that target is eligible.
 *
 * @param sessionMs how long a session lasts without a new connection, in the unit of `nowMs`
 */
export const choose = (
  pool: Pool,
  client: string,
  rules: TrafficRules,
  nowMs: number,
  sessionMs: number,
): Target | undefined => {
  const targets = eligible(pool, rules);
  if (sessionMs === 0) return schedule(pool, targets, client);
  const session = pool.sessions.get(client);
  if (session !== undefined && session.expiresAtMs > nowMs && targets.includes(session.target)) {
    session.expiresAtMs = nowMs + sessionMs;
    return session.target;
  }
  const target = schedule(pool, targets, client);
  if (target !== undefined) {
    pool.sessions.set(client, { target, expiresAtMs: nowMs + sessionMs });
    if (pool.sessions.size > manySessions) forgetExpired(pool, nowMs);
  }
  return target;
};
