import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { parseRedisUrl } from './connect.ts';

test.each(['me:pass-word@localhost:6379', 'http://me:pass-word@host', 'redis://me:pass-word@host:port'])(
  'a URL that is none is refused without being shown: %s',
  (url) => {
    let error: unknown;
    try {
      parseRedisUrl(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(inspect(error)).not.toContain('pass-word');
  },
);

test('user, password, database and TLS are read', () => {
  expect(parseRedisUrl('rediss://me:p%40ss@[::1]:7000/4')).toEqual({
    host: '::1',
    port: 7_000,
    options: { username: 'me', password: 'p@ss', db: 4, tls: {} },
  });
});
