import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ObjectStore } from './store.ts';

const map = (name: string, value: number) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n' },
  data: { value: String(value) },
});

const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), action: fc.constantFrom('put', 'remove') });

describe('the history of a collection', () => {
  it('followed from any version leads to the same state as a list, and a list of any version is what it was', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), (steps, pick) => {
        const store = new ObjectStore(1000);
        const maps = store.collection('configmaps');
        const states: { version: number; text: string }[] = [{ version: store.version, text: '' }];
        const textOf = (version?: number): string =>
          maps
            .list(version)
            .map((stored) => stored.fields)
            .join('\n');
        for (const [value, { name, action }] of steps.entries()) {
          const present = maps.get('n', name);
          if (action === 'put') maps.put(map(name, value));
          else if (present !== undefined) maps.remove(present);
          states.push({ version: store.version, text: textOf() });
        }
        const start = states[pick % states.length] ?? { version: 0, text: '' };
        expect(textOf(start.version)).toBe(start.text);
        const followed = new Map(
          maps.list(start.version).map((stored) => [stored.object.metadata.name, stored.fields]),
        );
        let last = start.version;
        for (let sequence = maps.sequenceAfter(start.version); ; sequence += 1) {
          const change = maps.changeAt(sequence);
          if (change === undefined || change === 'forgotten') break;
          expect(change.version).toBeGreaterThan(last);
          last = change.version;
          const { name } = change.current.object.metadata;
          expect(change.type === 'ADDED').toBe(!followed.has(name));
          if (change.type === 'DELETED') followed.delete(name);
          else followed.set(name, change.current.fields);
        }
        expect(
          [...followed.entries()]
            .sort()
            .map(([, fields]) => fields)
            .join('\n'),
        ).toBe(textOf());
      }),
    );
  });

  it('refuses versions that it no longer covers, and only those', () => {
    const store = new ObjectStore(10);
    const maps = store.collection('configmaps');
    const versions = Array.from({ length: 50 }, (_, value) => maps.put(map('a', value)).version);
    for (const version of versions) {
      const isKnown = version >= maps.oldestVersion;
      if (isKnown) expect(maps.sequenceAfter(version)).toBeLessThanOrEqual(maps.nextSequence);
      else expect(() => maps.sequenceAfter(version)).toThrow('too old resource version');
    }
    store.compact();
    expect(maps.sequenceAfter(store.version)).toBe(maps.nextSequence);
    expect(() => maps.sequenceAfter(store.version - 1)).toThrow('too old resource version');
  });

  it('counts versions over all collections', () => {
    const store = new ObjectStore(10);
    const first = store.collection('a').put(map('x', 1));
    const second = store.collection('b').put(map('x', 1));
    expect(second.version).toBe(first.version + 1);
    expect(second.object.metadata.resourceVersion).toBe(String(second.version));
  });
});
