import { describe, expect, it } from 'vitest';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';

describe('JSON patch', () => {
  it('adds at a place in a list, at its end, and a whole document', () => {
    expect(jsonPatch(['a', 'c'], [{ op: 'add', path: '/1', value: 'b' }])).toEqual(['a', 'b', 'c']);
    expect(jsonPatch(['a'], [{ op: 'add', path: '/-', value: 'b' }])).toEqual(['a', 'b']);
    expect(jsonPatch({ a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }])).toEqual({ b: 2 });
  });

  it('reads ~1 as / and ~0 as ~', () => {
    expect(jsonPatch({ 'a/b': 1, 'c~d': 2 }, [{ op: 'remove', path: '/a~1b' }])).toEqual({ 'c~d': 2 });
    expect(jsonPatch({ 'c~d': 2 }, [{ op: 'replace', path: '/c~0d', value: 3 }])).toEqual({ 'c~d': 3 });
  });

  it.each([
    [[{ op: 'remove', path: '/none' }]],
    [[{ op: 'replace', path: '/none/here', value: 1 }]],
    [[{ op: 'replace', path: '/list/0', value: 1 }]],
    [[{ op: 'add', path: '/list/9', value: 1 }]],
    [[{ op: 'test', path: '/a', value: 2 }]],
    [[{ op: 'dance', path: '/a' }]],
    [[{ op: 'add', path: 'a', value: 1 }]],
  ])('refuses what does not fit: %j', (patch) => {
    expect(() => jsonPatch({ a: 1, list: [] }, patch)).toThrow();
  });

  it('replaces a field that is not there, as Kubernetes does and the RFC does not', () => {
    expect(jsonPatch({ a: 1 }, [{ op: 'replace', path: '/b', value: 2 }])).toEqual({ a: 1, b: 2 });
  });

  it('leaves its input as it is', () => {
    const target = { a: { b: 1 } };
    jsonPatch(target, [{ op: 'add', path: '/a/c', value: 2 }]);
    expect(target).toEqual({ a: { b: 1 } });
  });
});

describe('merge patch (the cases of RFC 7386, appendix A)', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });
});
