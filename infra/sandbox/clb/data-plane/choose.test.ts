import { describe, expect, it } from 'vitest';
import { chiSquared, unlikely } from '../../../../test/support/chi-squared.ts';
import type { HealthCheck, HealthStatus, Scheduler, Target } from '../model.ts';
import { Pool } from '../pool.ts';
import { choose, eligible } from './choose.ts';

const healthCheck: HealthCheck = {
  HealthSwitch: 1,
  TimeOut: 2,
  IntervalTime: 5,
  HealthNum: 3,
  UnHealthNum: 3,
  CheckPort: null,
  CheckType: 'TCP',
  HttpCheckDomain: null,
  HttpCheckPath: null,
  HttpCheckMethod: null,
  HttpVersion: null,
  HttpCode: null,
  ContextType: null,
  SendContext: null,
  RecvContext: null,
  ExtendedCode: null,
  SourceIpType: 0,
};

const rules = { failOpen: true, unknownTakesTraffic: false };

/** A pool of targets `10.1.0.1`, `10.1.0.2`, … */
const poolOf = (
  targets: readonly { weight?: number; health?: HealthStatus }[],
  scheduler: Scheduler = 'WRR',
): { pool: Pool; targets: Target[] } => {
  const pool = new Pool(healthCheck, scheduler, 0);
  const added = targets.map(({ weight = 10, health = 'Alive' }, at) => {
    const target = pool.add(
      { ip: `10.1.0.${at + 1}`, port: 80, weight, tag: '', instanceId: '' },
      new Date(0),
    );
    target.health = health;
    return target;
  });
  return { pool, targets: added };
};

const indexes = (targets: readonly Target[]): number[] => targets.map(({ ip }) => Number(ip.slice(7)));

describe('which targets a new connection may go to', () => {
  it.each<[string, { weight?: number; health?: HealthStatus }[], number[]]>([
    ['Alive and Close take traffic', [{ health: 'Alive' }, { health: 'Close' }], [1, 2]],
    ['Unknown and Dead take none beside an Alive one', [{}, { health: 'Unknown' }, { health: 'Dead' }], [1]],
    ['weight 0 takes none', [{ weight: 0 }, {}], [2]],
    ['all Dead: fail-open to those above 0', [{ health: 'Dead' }, { health: 'Dead', weight: 0 }], [1]],
    ['one Unknown prevents fail-open', [{ health: 'Dead' }, { health: 'Unknown' }], []],
    ['an Alive one of weight 0 prevents fail-open', [{ health: 'Dead' }, { weight: 0 }], []],
    ['nothing bound', [], []],
  ])('%s', (_, targets, expected) => {
    expect(indexes(eligible(poolOf(targets).pool, rules))).toEqual(expected);
  });

  it('switches: no fail-open, Unknown takes traffic', () => {
    const dead = poolOf([{ health: 'Dead' }]).pool;
    expect(eligible(dead, { ...rules, failOpen: false })).toEqual([]);
    const unknown = poolOf([{ health: 'Unknown' }]).pool;
    expect(eligible(unknown, { ...rules, unknownTakesTraffic: true })).toHaveLength(1);
  });
});

describe('which one is chosen', () => {
  it('weighted round robin: in a window of the sum of weights each as often as its weight, interleaved', () => {
    const { pool } = poolOf([{ weight: 5 }, { weight: 1 }, { weight: 1 }]);
    const order = Array.from({ length: 14 }, (_, at) => choose(pool, `c${at}`, rules, 0, 0));
    expect(order.map((target) => target?.ip.slice(-1)).join('')).toBe('11213111121311');
  });

  it('the hash of the address keeps each client at its target when another goes', () => {
    const { pool, targets } = poolOf([{}, {}, {}, {}], 'IP_HASH');
    const clients = Array.from({ length: 200 }, (_, at) => `10.2.0.${at}`);
    const before = clients.map((client) => choose(pool, client, rules, 0, 0));
    expect(new Set(before).size).toBe(4);
    const [gone] = targets;
    if (gone !== undefined) gone.weight = 0;
    clients.forEach((client, at) => {
      if (before[at] !== gone) expect(choose(pool, client, rules, 0, 0)).toBe(before[at]);
    });
  });

  it.each([[[10, 10, 10, 10]], [[10, 30, 60, 100]], [[1, 99]]])(
    'the hash of the address spreads the clients of each network by weight: %j',
    (weights) => {
      const { pool, targets } = poolOf(
        weights.map((weight) => ({ weight })),
        'IP_HASH',
      );
      for (let network = 0; network < 20; network += 1) {
        const chosen = Array.from({ length: 2_000 }, (_, at) =>
          choose(pool, `10.${network}.${Math.floor(at / 250)}.${(at % 250) + 1}`, rules, 0, 0),
        );
        const counts = targets.map((target) => chosen.filter((one) => one === target).length);
        expect(chiSquared(counts, weights)).toBeLessThan(unlikely);
      }
    },
  );

  it('a session lasts while its client comes back in time, and ends when it was away longer', () => {
    const { pool } = poolOf([{}, {}]);
    const first = choose(pool, 'client', rules, 0, 1_000);
    choose(pool, 'another', rules, 0, 1_000);
    for (const nowMs of [900, 1_800, 2_700]) {
      expect(choose(pool, 'client', rules, nowMs, 1_000)).toBe(first);
    }
    choose(pool, 'third', rules, 2_700, 1_000);
    expect(choose(pool, 'client', rules, 3_701, 1_000)).not.toBe(first);
  });

  it('a session does not bind a client to a target that is drained, dead or gone', () => {
    for (const end of [
      (pool: Pool, target: Target) => pool.remove(target),
      (_: Pool, target: Target) => {
        target.weight = 0;
      },
      (_: Pool, target: Target) => {
        target.health = 'Dead';
      },
    ]) {
      const { pool } = poolOf([{}, {}]);
      const first = choose(pool, 'client', rules, 0, 1_000);
      if (first !== undefined) end(pool, first);
      const second = choose(pool, 'client', rules, 1, 1_000);
      expect(second).toBeDefined();
      expect(second).not.toBe(first);
      expect(choose(pool, 'client', rules, 2, 1_000)).toBe(second);
    }
  });
});
