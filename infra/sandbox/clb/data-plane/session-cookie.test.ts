import { describe, expect, it } from 'vitest';
import { defaultHealthCheck } from '../actions/health-check-parameters.ts';
import type { Target } from '../model.ts';
import { Pool } from '../pool.ts';
import { sessionCookie, sessionTarget } from './session-cookie.ts';

const poolOf = (...ips: string[]): { pool: Pool; targets: Target[] } => {
  const pool = new Pool(defaultHealthCheck('HTTP'), 'WRR', 30);
  const add = (ip: string): Target =>
    pool.add({ ip, port: 80, weight: 10, tag: '', instanceId: '' }, new Date(0));
  return { pool, targets: ips.map(add) };
};

describe('a session cookie', () => {
  const { pool, targets } = poolOf('10.0.0.1', '10.0.0.2');
  const [a, b] = targets;
  if (a === undefined || b === undefined) throw new Error('two targets');
  const header = (target: Target, name = 'n'): string => {
    const [pair = ''] = sessionCookie(name, target, pool, 1_000, 30_000).split(';');
    return pair;
  };

  it('names its target until its end, to the millisecond', () => {
    expect(sessionTarget(header(a), 'n', pool, 1_000)).toBe(a);
    expect(sessionTarget(header(b), 'n', pool, 30_999)).toBe(b);
    expect(sessionTarget(header(b), 'n', pool, 31_000)).toBeUndefined();
  });

  it('is found among others, whatever stands around it', () => {
    expect(sessionTarget(`x=y; ${header(a)}`, 'n', pool, 1_000)).toBe(a);
    expect(sessionTarget(`nn=1;  ${header(a)} ;z`, 'n', pool, 1_000)).toBe(a);
    expect(sessionTarget(header(a, 'm'), 'n', pool, 1_000)).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    'n',
    'n=',
    'n=abc',
    `n=${'0'.repeat(32)}`,
    `n=${'z'.repeat(32)}`,
    `n=${'f'.repeat(32)}`,
  ])('that reads %s names nobody', (cookies) =>
    expect(sessionTarget(cookies, 'n', pool, 1_000)).toBeUndefined(),
  );

  it('is worth nothing in another rule, or once its target was removed', () => {
    const other = poolOf('10.0.0.1');
    expect(sessionTarget(header(a), 'n', other.pool, 1_000)).toBeUndefined();
    const cookie = header(b);
    pool.remove(b);
    expect(sessionTarget(cookie, 'n', pool, 1_000)).toBeUndefined();
  });

  it('tells browsers an end that is never too early', () => {
    expect(sessionCookie('n', a, pool, 1_500, 30_000)).toMatch(
      /; Expires=Thu, 01 Jan 1970 00:00:32 GMT; Path=\/$/,
    );
  });
});
