import { describe, expect, it } from 'vitest';
import { at, filled, holds } from './outcome.ts';

describe('what an answer must be', () => {
  it.each([
    ['lb-1', 'lb-1', true],
    ['1', 1, false],
    [true, 1, false],
    [null, null, true],
    ['lb-12', { $match: '^lb-[0-9]$' }, false],
    [7, { $match: '7' }, false],
    [[], { $length: 0 }, true],
    [null, { $length: 0 }, false],
    [['a'], [{ $match: 'a' }], true],
    [['a', 'b'], ['a'], false],
  ])('%j against %j: %j', (value, expected, outcome) => {
    expect(holds(value, expected)).toBe(outcome);
  });

  it('stands at a path; what is absent is null', () => {
    const answer = { Listeners: [{ Port: 80, Rules: null }] };
    expect(at(answer, 'Listeners.0.Port')).toBe(80);
    expect(at(answer, 'Listeners.1.Port')).toBeNull();
    expect(at(answer, 'Listeners.0.Rules.0.Url')).toBeNull();
  });

  it('names what was captured; a name that was not is an error', () => {
    const known = { lb: 'lb-1', count: 2 };
    expect(filled({ Id: '<lb>', Name: 'of <lb>', List: ['<count>'] }, known)).toEqual({
      Id: 'lb-1',
      Name: 'of lb-1',
      List: [2],
    });
    expect(() => filled('<task>', known)).toThrow('nothing was captured as task');
  });
});
