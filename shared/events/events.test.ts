import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod/mini';
import type { Endpoint } from '../model/desired-state.ts';
import { anyDesiredState, anyLane, anyTraceparent } from './arbitrary.test-support.ts';
import type { DesiredStateEvent } from './desired-state-event.ts';
import { makeDesiredStateEvent, makeLoadBalancerDueEvent } from './make-event.ts';
import { parseDesiredStateEvent, parseLoadBalancerDueEvent } from './parse-event.ts';
import { schemaOf } from './schema.ts';
import { epochOf, formatSequence, isSequence } from './sequence.ts';

const runs = { numRuns: 60 };
const anyNumber = fc.integer({ min: 0, max: 9_999_999_999 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const anyEvent: fc.Arbitrary<DesiredStateEvent> = fc
  .tuple(anyDesiredState, anyNumber, anyNumber, optional(anyTraceparent))
  .map(([state, epoch, counter, traceparent]) =>
    makeDesiredStateEvent({
      source: 'cls-a',
      sequence: formatSequence(epoch, counter),
      timeMs: epoch,
      state,
      ...(traceparent === undefined ? {} : { traceparent }),
    }),
  );

type Path = readonly (string | number)[];

/** Every member of a JSON value, leaves and branches. */
const pathsOf = (value: unknown, path: Path = []): Path[] => {
  const below = Array.isArray(value)
    ? value.flatMap((element, index) => pathsOf(element, [...path, index]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, element]) => pathsOf(element, [...path, name]))
      : [];
  return path.length === 0 ? below : [path, ...below];
};

/** The value with another one at the path; `undefined` takes the member away. */
const replaced = (value: unknown, [head, ...rest]: Path, by: unknown): unknown => {
  if (head === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((element, index) => (index === head ? replaced(element, rest, by) : element));
  }
  return Object.fromEntries(
    Object.entries(value as object).map(([name, element]) => [
      name,
      name === head ? replaced(element, rest, by) : element,
    ]),
  );
};

const viaJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('sequence', () => {
  test('sequences sort as strings like epoch, then counter', () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, anyNumber, anyNumber, (epoch, counter, laterEpoch, laterCounter) => {
        const byNumber = Math.sign(epoch - laterEpoch || counter - laterCounter);
        const [one, other] = [formatSequence(epoch, counter), formatSequence(laterEpoch, laterCounter)];
        expect(one < other ? -1 : one > other ? 1 : 0).toBe(byNumber);
        expect(isSequence(one)).toBe(true);
        expect(epochOf(one)).toBe(epoch);
      }),
    );
  });

  test.each([-1, 0.5, Number.NaN, 10_000_000_000])('%s is refused', (value) => {
    expect(() => formatSequence(value, 0)).toThrow(RangeError);
    expect(() => formatSequence(0, value)).toThrow(RangeError);
  });

  test('what is no sequence has no epoch', () => {
    expect(epochOf('12.7')).toBeNaN();
  });
});

describe('desired-state event', () => {
  test('constructed, sent as JSON and parsed, it is the same', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(parseDesiredStateEvent(viaJson(event))).toEqual({ ok: true, event });
      }),
      runs,
    );
  });

  test('it names its object by API path and UID', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const { kind, namespace, name, uid } = event.data.object;
        const collection =
          kind === 'Service' ? ['/api/v1', 'services'] : ['/apis/networking.k8s.io/v1', 'ingresses'];
        expect(event.subject).toBe(`${collection[0]}/namespaces/${namespace}/${collection[1]}/${name}`);
        expect(event.id).toBe(`${uid}.${event.sequence}`);
        expect(event.partitionkey).toBe(event.data.loadBalancerKey);
      }),
      runs,
    );
  });

  test('unknown fields are tolerated, and dropped', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const more = { ...event, later: 1, data: { ...event.data, later: { deep: [1] } } };
        expect(parseDesiredStateEvent(viaJson(more))).toEqual({ ok: true, event });
      }),
      runs,
    );
  });

  test('any member that is wrong or missing is refused with a reason that names it', () => {
    fc.assert(
      fc.property(
        anyEvent,
        fc.nat(),
        fc.constantFrom(null, { listener: 1 }, [[1]], undefined),
        (event, pick, by) => {
          const json = viaJson(event);
          const paths = pathsOf(json);
          const path = paths[pick % paths.length] ?? [];
          const parsed = parseDesiredStateEvent(viaJson(replaced(json, path, by)));
          // What may be missing may be missing.
          if (by === undefined && parsed.ok) return;
          expect(parsed).toMatchObject({ ok: false });
          if (!parsed.ok) expect(parsed.reason).toContain(path.join('.'));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('whatever comes in, it answers and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseDesiredStateEvent(value).ok).toBe(false);
        expect(parseLoadBalancerDueEvent(value).ok).toBe(false);
      }),
    );
  });

  const [event] = fc.sample(anyEvent, { numRuns: 1, seed: 7 });
  if (event === undefined) throw new Error('no sample');

  test.each([
    ['subject', { ...event, subject: '/api/v1/namespaces/other/services/web' }],
    ['id', { ...event, id: 'uid.1' }],
    ['partitionkey', { ...event, partitionkey: 'lb-other' }],
    ['sequence', { ...event, sequence: '12.7' }],
    ['time', { ...event, time: 'yesterday' }],
    ['traceparent', { ...event, traceparent: '00-0-0-01' }],
    ['type', { ...event, type: 'io.clb-direct.desired-state.v9' }],
    ['data.createdAt', { ...event, data: { ...event.data, createdAt: 'yesterday' } }],
  ])('a wrong %s is refused by name, and object and load balancer are still told', (field, wrong) => {
    const parsed = parseDesiredStateEvent(wrong);
    expect(parsed).toMatchObject({ ok: false, objectUid: event.data.object.uid });
    expect(parsed).toHaveProperty('loadBalancerKey');
    expect(parsed).toHaveProperty('reason', expect.stringMatching(`^${field}: .*expected|${field}: no`));
  });

  test('a traceparent that is none is left out when the event is made', () => {
    const made = makeDesiredStateEvent({
      source: 'cls-a',
      sequence: formatSequence(1, 1),
      timeMs: 0,
      state: event.data,
      traceparent: '00-00000000000000000000000000000000-0000000000000000-01',
    });
    expect(made).not.toHaveProperty('traceparent');
  });

  test('a schema that drifts from the model does not compile', () => {
    interface Address {
      readonly ip: string;
      readonly port: number;
    }
    const ip = z.string();
    schemaOf<Address>()(z.object({ ip, port: z.number() }));
    // @ts-expect-error a member is missing
    schemaOf<Address>()(z.object({ ip }));
    // @ts-expect-error one too many, though it is optional
    schemaOf<Address>()(z.object({ ip, port: z.number(), more: z.optional(ip) }));
    // @ts-expect-error optional here, required there
    schemaOf<Address>()(z.object({ ip, port: z.exactOptional(z.number()) }));
    expectTypeOf<Endpoint['ip']>().toEqualTypeOf<string>();
  });
});

describe('load-balancer-due event', () => {
  test('constructed, sent as JSON and parsed, it is the same', () => {
    fc.assert(
      fc.property(fc.uuid(), anyLane, optional(anyTraceparent), (loadBalancerKey, lane, traceparent) => {
        const event = makeLoadBalancerDueEvent({
          source: 'cls-a',
          id: 'ring-1',
          timeMs: 0,
          loadBalancerKey,
          lane,
          ...(traceparent === undefined ? {} : { traceparent }),
        });
        expect(parseLoadBalancerDueEvent(viaJson(event))).toEqual({ ok: true, event });
      }),
      runs,
    );
  });

  test('a wrong lane, key or type is refused by name', () => {
    const event = makeLoadBalancerDueEvent({
      source: 'cls-a',
      id: 'ring-1',
      timeMs: 0,
      loadBalancerKey: 'lb-a',
      lane: 'drain',
    });
    expect(parseLoadBalancerDueEvent({ ...event, data: { ...event.data, lane: 'soon' } })).toMatchObject({
      ok: false,
      loadBalancerKey: 'lb-a',
      reason: 'data.lane: one of drain, ready, rest, sweep expected',
    });
    expect(parseLoadBalancerDueEvent({ ...event, partitionkey: 'lb-b' })).toMatchObject({
      reason: 'partitionkey: lb-a (data.loadBalancerKey) expected',
    });
    expect(parseLoadBalancerDueEvent({ ...event, type: 'x' })).toMatchObject({
      reason: 'type: io.clb-direct.load-balancer.due.v1 expected, not x',
    });
  });
});
