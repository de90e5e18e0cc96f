import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../random.ts';
import { Affinity } from './affinity.ts';
import type { NodePortRule } from './rules.ts';

const a = { ip: '10.0.0.1', port: 80 };
const b = { ip: '10.0.0.2', port: 80 };
const c = { ip: '10.0.0.3', port: 80 };

const aRule = (over: Partial<NodePortRule> = {}): NodePortRule => ({
  service: { namespace: 'default', name: 'web' },
  nodePort: 30_080,
  keepsClient: false,
  affinitySeconds: undefined,
  endpoints: [a, b, c],
  ...over,
});

describe('the choice of an endpoint', () => {
  it('is even over the endpoints, and the same for the same seed', () => {
    const draw = (): string[] => {
      const random = seededRandom(7);
      const affinity = new Affinity();
      return Array.from({ length: 3000 }, () => affinity.choose(aRule(), 'x', 0, random)?.ip ?? '');
    };
    const drawn = draw();
    for (const { ip } of [a, b, c]) {
      const share = drawn.filter((one) => one === ip).length / drawn.length;
      expect(share).toBeGreaterThan(0.28);
      expect(share).toBeLessThan(0.39);
    }
    expect(draw()).toEqual(drawn);
  });

  it('stays with the last one of the client for the time of the affinity, counted from its last connection', () => {
    const rule = aRule({ affinitySeconds: 10 });
    const affinity = new Affinity();
    expect(affinity.choose(rule, 'x', 0, () => 0)).toEqual(a);
    expect(affinity.choose(rule, 'y', 0, () => 0.99)).toEqual(c);
    expect(affinity.choose(rule, 'x', 9_999, () => 0.99)).toEqual(a);
    expect(affinity.choose(rule, 'x', 19_998, () => 0.99)).toEqual(a);
    expect(affinity.choose(rule, 'x', 29_998, () => 0.99)).toEqual(c);
  });

  it('leaves an endpoint that may not be used any more', () => {
    const affinity = new Affinity();
    affinity.choose(aRule({ affinitySeconds: 10 }), 'x', 0, () => 0);
    const left = aRule({ affinitySeconds: 10, endpoints: [b, c] });
    expect(affinity.choose(left, 'x', 1, () => 0)).toEqual(b);
    expect(affinity.choose(aRule({ affinitySeconds: 10 }), 'x', 2, () => 0)).toEqual(b);
    expect(affinity.choose(aRule({ endpoints: [] }), 'x', 3, () => 0)).toBeUndefined();
  });
});
