import { describe, expect, it } from 'vitest';
import type { HealthStatus } from '../model.ts';
import { afterProbe, startingCount } from './transitions.ts';

const counts = { HealthNum: 3, UnHealthNum: 2 };

/** The status after each probe; `+` succeeds, `-` fails. */
const statuses = (start: HealthStatus, probes: string, firstIsEnough = false): string => {
  let count = startingCount(start);
  return [...probes]
    .map((probe) => {
      count = afterProbe(count, probe === '+', counts, firstIsEnough);
      return count.status[0];
    })
    .join('');
};

describe('health from probes', () => {
  it.each<[string, HealthStatus, string, string]>([
    ['Unknown until HealthNum successes in a row', 'Unknown', '+++', 'UUA'],
    ['Dead after UnHealthNum failures in a row', 'Unknown', '--', 'UD'],
    ['a failure starts the successes anew', 'Unknown', '++-+++', 'UUUUUA'],
    ['a success starts the failures anew', 'Alive', '-+-+--', 'AAAAAD'],
    ['a dead target comes back', 'Dead', '++-+++', 'DDDDDA'],
  ])('%s', (_, start, probes, expected) => {
    expect(statuses(start, probes)).toBe(expected);
  });

  it('can be Alive after the first success (setting), but not after a later single one', () => {
    expect(statuses('Unknown', '+', true)).toBe('A');
    expect(statuses('Unknown', '-+++', true)).toBe('UUUA');
  });
});
