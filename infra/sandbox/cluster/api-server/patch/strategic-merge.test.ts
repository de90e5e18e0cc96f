import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../json.ts';
import { mergeSchemaOf } from './merge-schema.ts';
import { strategicMergePatch } from './strategic-merge.ts';

const pod = mergeSchemaOf('Pod');

const merge = (target: JsonObject, patch: JsonObject, schema = pod) =>
  strategicMergePatch(target, patch, schema);

const conditions = (...types: string[]): JsonObject => ({
  status: { conditions: types.map((type) => ({ type })) },
});

describe('strategic merge', () => {
  it('puts what the patch orders in its order, and what only the server has between where it stood', () => {
    const patch = {
      status: {
        '$setElementOrder/conditions': [{ type: 'c' }, { type: 'a' }],
        conditions: [{ type: 'a', status: 'T' }],
      },
    };
    expect(merge(conditions('a', 'x', 'c'), patch)).toEqual({
      status: { conditions: [{ type: 'x' }, { type: 'c' }, { type: 'a', status: 'T' }] },
    });
  });

  it('replaces an object or a list with $patch: replace', () => {
    expect(merge({ spec: { a: 1 } }, { spec: { $patch: 'replace', b: 2 } })).toEqual({ spec: { b: 2 } });
    const patch = { status: { conditions: [{ $patch: 'replace' }, { type: 'new' }] } };
    expect(merge(conditions('a', 'b'), patch)).toEqual(conditions('new'));
  });

  it('keeps only what $retainKeys names', () => {
    const target = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(merge(target, patch, mergeSchemaOf('Deployment'))).toEqual({
      spec: { strategy: { type: 'Recreate' } },
    });
  });

  it('adds a whole list without its directives where there was none', () => {
    const patch = {
      status: {
        conditions: [
          { type: 'a', note: null },
          { type: 'b', $patch: 'delete' },
        ],
      },
    };
    expect(merge({}, patch)).toEqual({ status: { conditions: [{ type: 'a' }] } });
  });

  it('refuses an element without its merge key', () => {
    expect(() => merge(conditions('a'), { status: { conditions: [{ status: 'True' }] } })).toThrow(
      'does not contain declared merge key: type',
    );
  });

  it('leaves its input as it is, and done twice is done once', () => {
    const type = fc.constantFrom('a', 'b', 'c', 'd');
    const list = fc.uniqueArray(fc.record({ type, status: fc.constantFrom('True', 'False') }), {
      selector: (one) => one.type,
    });
    fc.assert(
      fc.property(list, list, (before, changes) => {
        const target: JsonObject = { status: { conditions: before } };
        const copy = structuredClone(target);
        const patch: JsonObject = { status: { conditions: changes } };
        const once = merge(target, patch);
        expect(target).toEqual(copy);
        expect(merge(Object(once), patch)).toEqual(once);
      }),
    );
  });
});
