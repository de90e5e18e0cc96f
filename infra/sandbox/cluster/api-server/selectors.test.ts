import { describe, expect, it } from 'vitest';
import {
  labelSelectorMatch,
  labelSelectorText,
  parseFieldSelector,
  parseLabelSelector,
} from './selectors.ts';

describe('label selectors', () => {
  it.each([
    ['a=b', { a: 'b' }, true],
    ['a = b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a in (b,c)', { a: 'c' }, true],
    ['a in (b, c),d', { a: 'b' }, false],
    ['a notin (b,c)', {}, true],
    ['a notin (b,c)', { a: 'b' }, false],
    ['!a', { a: '' }, false],
    ['a', { a: '' }, true],
    ['example.com/a=', { 'example.com/a': '' }, true],
  ])('%s on %j: %s', (text, labels, expected) => {
    expect(parseLabelSelector(text)?.(labels)).toBe(expected);
  });

  it('let everything through when empty, and refuse what they cannot read', () => {
    expect(parseLabelSelector('')).toBeUndefined();
    expect(() => parseLabelSelector('a=b=c')).toThrow('unable to parse requirement');
  });

  it('as objects: an empty one matches all, an absent one nothing', () => {
    expect(labelSelectorMatch({})({ a: 'b' })).toBe(true);
    expect(labelSelectorMatch(undefined)({})).toBe(false);
    const selector = {
      matchLabels: { a: 'b' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['d'] },
        { key: 'e', operator: 'DoesNotExist' },
      ],
    };
    expect(labelSelectorMatch(selector)({ a: 'b', c: 'd' })).toBe(true);
    expect(labelSelectorMatch(selector)({ a: 'b', c: 'd', e: '' })).toBe(false);
    expect(labelSelectorText(selector)).toBe('a=b,c in (d),!e');
  });
});

describe('field selectors', () => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' } };

  it('know name and namespace everywhere', () => {
    expect(parseFieldSelector('metadata.name=p,metadata.namespace!=m', {})?.(object)).toBe(true);
    expect(parseFieldSelector('metadata.name!=p', {})?.(object)).toBe(false);
  });

  it('refuse a field that is not supported', () => {
    expect(() => parseFieldSelector('spec.x=1', {})).toThrow('"spec.x" is not a known field selector');
    const fields = { 'spec.y': () => '' };
    expect(() => parseFieldSelector('spec.x=1', fields)).toThrow('field label not supported: spec.x');
  });
});
