import { describe, expect, it } from 'vitest';
import { record } from './facts/read.ts';
import { KnownObjects, type Unreadable } from './known-objects.ts';

const object = (uid: string, resourceVersion: string, value: unknown = 'ok') => ({
  metadata: { namespace: 'n', name: uid, uid, resourceVersion },
  value,
});

const make = () => {
  const unreadable: Unreadable[] = [];
  const known = new KnownObjects<string>(
    (raw) => {
      const { value } = record(raw);
      if (value === 'boom') throw new TypeError('boom');
      return value === 'bad' ? { dropped: 'bad value' } : { fact: String(value) };
    },
    (report) => unreadable.push(report),
  );
  return { known, unreadable };
};

describe('known objects', () => {
  it('tells nothing for an event that repeats or is older, and each newer one once', () => {
    const { known } = make();
    expect(known.set(object('a', '10', 'x'))).toEqual({ type: 'set', fact: 'x' });
    expect(known.set(object('a', '10', 'x'))).toBeUndefined();
    expect(known.set(object('a', '9', 'old'))).toBeUndefined();
    expect(known.set(object('a', '100', 'y'))).toEqual({ type: 'set', fact: 'y' });
  });

  it('tells of a relist only what differs, and what it lacks as gone with the last fact (L5)', () => {
    const { known } = make();
    for (const uid of ['a', 'b', 'c']) known.set(object(uid, '1', uid));
    known.beginList();
    expect(known.set(object('a', '1', 'a'))).toBeUndefined();
    expect(known.set(object('b', '2', 'b2'))).toEqual({ type: 'set', fact: 'b2' });
    expect(known.endList()).toEqual([{ type: 'gone', uid: 'c', fact: 'c', consistent: true }]);
    expect(known.size).toBe(2);
  });

  it('takes nothing as gone from a list that was broken off', () => {
    const { known } = make();
    known.set(object('a', '1'));
    known.set(object('b', '1'));
    known.beginList();
    known.set(object('a', '1'));
    known.beginList();
    known.set(object('a', '1'));
    known.set(object('b', '1'));
    expect(known.endList()).toEqual([]);
  });

  it('believes a list also where its numbers are lower: an etcd was restored', () => {
    const { known } = make();
    known.set(object('a', '500', 'x'));
    known.beginList();
    expect(known.set(object('a', '20', 'restored'))).toEqual({ type: 'set', fact: 'restored' });
  });

  it('tells a deletion once, with the last state', () => {
    const { known } = make();
    known.set(object('a', '1', 'x'));
    expect(known.remove(object('a', '2', 'last'))).toEqual({
      type: 'gone',
      uid: 'a',
      fact: 'last',
      consistent: true,
    });
    expect(known.remove(object('a', '2', 'last'))).toBeUndefined();
  });

  it.each(['bad', 'boom'])(
    'an object that cannot be parsed (%s) stays as it was known, is reported, and is not gone',
    (value) => {
      const { known, unreadable } = make();
      known.set(object('a', '1', 'x'));
      expect(known.set(object('a', '2', value))).toBeUndefined();
      known.beginList();
      expect(known.set(object('a', '2', value))).toBeUndefined();
      expect(known.endList()).toEqual([]);
      expect(unreadable).toHaveLength(2);
      expect(unreadable[0]).toMatchObject({ namespace: 'n', name: 'a' });
      expect(known.remove(object('a', '3', value))).toMatchObject({ type: 'gone', fact: 'x' });
    },
  );

  it('reports what has no uid or resourceVersion', () => {
    const { known, unreadable } = make();
    expect(known.set({ metadata: { name: 'x' } })).toBeUndefined();
    expect(known.set(null)).toBeUndefined();
    expect(known.remove(null)).toBeUndefined();
    expect(unreadable).toHaveLength(2);
  });
});
