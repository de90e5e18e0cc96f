import { describe, expect, it } from 'vitest';
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  ianaServiceName,
  labelValue,
  qualifiedName,
} from './names.ts';

describe('names', () => {
  it.each([
    [dns1123Label, ['a', 'a-1', '1a'], ['', 'A', '-a', 'a-', 'a.b', 'a'.repeat(64)]],
    [dns1035Label, ['a', 'a-1'], ['1a', 'a.b', 'A']],
    [dns1123Subdomain, ['a.b', '1.2', 'a-b.c'], ['a..b', '.a', 'a_b', 'a'.repeat(254)]],
    [
      qualifiedName,
      ['a', 'A_b.c', 'example.com/Name'],
      ['', '/a', 'a/', 'a/b/c', 'Example.com/a', 'a b', 'x'.repeat(64)],
    ],
    [labelValue, ['', 'a', 'A.b_c'], ['-a', 'a b', 'x'.repeat(64)]],
    [ianaServiceName, ['http', 'a-1'], ['1', 'a--b', 'A', 'sixteen-letters-']],
  ])('%o takes what is right and refuses what is not', (rule, right, wrong) => {
    for (const value of right) expect([value, rule(value)]).toEqual([value, []]);
    for (const value of wrong) expect([value, rule(value).length > 0]).toEqual([value, true]);
  });
});
