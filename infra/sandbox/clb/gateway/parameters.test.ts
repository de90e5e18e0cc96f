import { describe, expect, it } from 'vitest';
import { parseBody, unflatten } from './parameters.ts';
import { RateLimit } from './rate-limit.ts';

describe('parameters', () => {
  it('of a GET: flattened names become lists and objects', () => {
    expect(unflatten('Targets.0.EniIp=10.0.0.1&Targets.0.Port=80&Targets.1.Port=81&Limit=10')).toEqual({
      Targets: [{ EniIp: '10.0.0.1', Port: '80' }, { Port: '81' }],
      Limit: '10',
    });
  });

  it('of a POST: only a JSON object will do', () => {
    expect(parseBody(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
    for (const body of ['', '[]', 'null', '1', '{"a":']) {
      expect(() => parseBody(Buffer.from(body))).toThrow('not a valid JSON object');
    }
  });
});

describe('the rate limit', () => {
  it('counts each key in fixed windows of a second', () => {
    const rate = new RateLimit();
    expect([1_000, 1_500, 1_999].map((nowMs) => rate.count('a', nowMs))).toEqual([1, 2, 3]);
    expect(rate.count('b', 1_999)).toBe(1);
    expect(rate.count('a', 2_000)).toBe(1);
  });
});
