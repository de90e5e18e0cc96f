import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SealError, seal, unseal } from './seal.ts';

const key = randomBytes(32);

test('who has the key reads it; it looks different each time and tells nothing', () => {
  const sealed = seal('a secret tökén', key);
  expect(unseal(sealed, key)).toBe('a secret tökén');
  expect(seal('a secret tökén', key)).not.toBe(sealed);
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('secret');
});

test('another key, or a changed byte, is told and nothing is read', () => {
  const sealed = seal('a secret', key);
  expect(() => unseal(sealed, randomBytes(32))).toThrow(SealError);
  const bytes = Buffer.from(sealed, 'base64');
  for (const at of [0, 13, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => unseal(changed.toString('base64'), key)).toThrow(SealError);
  }
  for (const broken of ['', 'AAAA', 'not base64 at all'])
    expect(() => unseal(broken, key)).toThrow(SealError);
});
