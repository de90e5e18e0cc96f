import { describe, expect, it } from 'vitest';
import { NoHistory, readHistory } from './read-history.ts';

const header = JSON.stringify({ type: 'header', format: 1, startedMs: 1000, options: {}, seed: 1 });
const warning = (timeMs: number): string => JSON.stringify({ type: 'warning', text: `at ${timeMs}`, timeMs });

describe('a history', () => {
  it('is read in the order of its times', () => {
    const { events } = readHistory(`${[header, warning(3000), warning(2000)].join('\n')}\n`);
    expect(events.map(({ timeMs }) => timeMs)).toEqual([2000, 3000]);
  });

  it('of a run that was killed is read up to its unfinished line, and says so', () => {
    const { events, notes } = readHistory([header, warning(2000), warning(3000).slice(0, 10)].join('\n'));
    expect(events).toHaveLength(1);
    expect(notes).toEqual(['Line 3 cannot be read and is left out.']);
  });

  it.each([
    ['', /first line/],
    [warning(1), /first line/],
    ['{"type":"header","format":2,"startedMs":1}', /format 2/],
    ['not JSON', /first line/],
  ])('is not %j', (text, why) => {
    expect(() => readHistory(text)).toThrow(NoHistory);
    expect(() => readHistory(text)).toThrow(why);
  });
});
