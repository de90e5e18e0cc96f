import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delayMs } from './backoff.ts';
import { eventName } from './event-body.ts';
import { errorOfStatus, KubernetesError } from './kubernetes-error.ts';
import { linesOf } from './lines.ts';
import { hasReached } from './resource-version.ts';
import { StreamEnd } from './stream-end.ts';

const collect = async (chunks: readonly Buffer[]): Promise<string[]> => {
  const lines: string[] = [];
  const source = async function* () {
    yield* chunks;
  };
  for await (const some of linesOf(source())) lines.push(...some);
  return lines;
};

describe('linesOf', () => {
  it('gives the same lines wherever the bytes are split, also within a character', async () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(200)), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''), 'utf8');
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(await collect(chunks)).toEqual(
          lines.map((text) => Buffer.from(text, 'utf8').toString('utf8')),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('drops a last line without an end: it was cut', async () => {
    expect(await collect([Buffer.from('a\nb')])).toEqual(['a']);
  });
});

describe('hasReached', () => {
  it.each([
    ['9', '10', false],
    ['10', '9', true],
    ['10', '10', true],
    [undefined, '1', false],
    ['x', '1', false],
    ['123456789012345678901', '123456789012345678900', true],
  ])('%s has reached %s: %s', (a, b, expected) => {
    expect(hasReached(a, b)).toBe(expected);
  });
});

describe('delayMs', () => {
  const unreachable = new KubernetesError(0, 'Unreachable', '');

  it('tries a server that is away again soon, and never waits longer than 5 s', () => {
    expect(delayMs(unreachable, 1, () => 0.999)).toBeLessThanOrEqual(100);
    expect(delayMs(unreachable, 4, () => 0)).toBeGreaterThanOrEqual(400);
    expect(delayMs(unreachable, 1_000, () => 0.999)).toBeLessThanOrEqual(5_000);
    expect(delayMs(errorOfStatus(503, {}), 1_000, () => 0.999)).toBeLessThanOrEqual(5_000);
  });

  it('never undercuts Retry-After', () => {
    const throttled = errorOfStatus(429, {}, '7');
    expect(delayMs(throttled, 1, () => 0)).toBe(7_000);
    expect(delayMs(throttled, 1, () => 0.999)).toBeLessThan(7_701);
  });

  it('goes on at once after the first 410 and the first end, not after the next', () => {
    expect(delayMs(errorOfStatus(410, {}), 1, () => 0.5)).toBe(0);
    expect(delayMs(errorOfStatus(410, {}), 2, () => 0.5)).toBeGreaterThan(0);
    expect(delayMs(new StreamEnd('ended', ''), 1, () => 0.5)).toBe(0);
    expect(delayMs(new StreamEnd('ended', ''), 2, () => 0.5)).toBeGreaterThan(0);
  });
});

describe('errorOfStatus', () => {
  it('reads reason, fields and how long to stay away', () => {
    const error = errorOfStatus(422, {
      code: 422,
      reason: 'Invalid',
      message: 'metadata.uid: Invalid value',
      details: { causes: [{ field: 'metadata.uid' }], retryAfterSeconds: 3 },
    });
    expect(error).toMatchObject({
      status: 422,
      reason: 'Invalid',
      message: 'metadata.uid: Invalid value',
      fields: ['metadata.uid'],
      retryAfterMs: 3_000,
    });
  });

  it('reads Retry-After as a date, and answers that are no Status', () => {
    const now = Date.parse('2026-11-23T06:00:00Z');
    const error = errorOfStatus(503, 'gateway', 'Mon, 23 Nov 2026 06:00:04 GMT', now);
    expect(error).toMatchObject({ status: 503, reason: 'HTTP 503', retryAfterMs: 4_000, fields: [] });
  });
});

describe('eventName', () => {
  const object = { kind: 'Service', namespace: 'shop', name: 'web', uid: 's1' } as const;

  it('is the same for the same event of the same object only', () => {
    const name = eventName({ object, dedupKey: 'a' });
    expect(name).toBe(eventName({ object, dedupKey: 'a' }));
    expect(name).not.toBe(eventName({ object, dedupKey: 'b' }));
    expect(name).not.toBe(eventName({ object: { ...object, uid: 's2' }, dedupKey: 'a' }));
  });

  it('is a valid name for the longest object name', () => {
    const name = eventName({
      object: { ...object, name: `${'a'.repeat(231)}-${'b'.repeat(20)}` },
      dedupKey: '',
    });
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  });
});
