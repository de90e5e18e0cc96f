import { describe, expect, it } from 'vitest';
import { hasBody, headersToClient, headersToTarget } from './http-headers.ts';

const asked = (raw: string[], method = 'GET') => {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) headers[(raw[at] ?? '').toLowerCase()] = raw[at + 1] ?? '';
  return { rawHeaders: raw, headers, httpVersion: '1.1', method };
};

const toTarget = (raw: string[], method?: string, upgrade?: string): string[] =>
  headersToTarget(asked(raw, method), '198.51.100.7', 1_700_000_000_123, '10.0.240.1', upgrade, 'http');

const own = [
  'X-Stgw-Time',
  '1700000000.123',
  'X-Client-Proto',
  'http',
  'X-Forwarded-Proto',
  'http',
  'X-Client-Proto-Ver',
  'HTTP/1.1',
  'X-Real-IP',
  '198.51.100.7',
  'X-Forwarded-For',
];

describe('headers to a target', () => {
  it('are the client’s own, in their order and case, without those of its connection', () => {
    const raw = [
      'hOst',
      'a',
      'Connection',
      'close',
      'X-B',
      '1',
      'TE',
      'trailers',
      'Expect',
      '100-continue',
      'x-b',
      '2',
    ];
    expect(toTarget(raw)).toEqual(['hOst', 'a', 'X-B', '1', 'x-b', '2', ...own, '198.51.100.7']);
  });

  it('append the client to X-Forwarded-For and believe nothing else that it says about itself', () => {
    const raw = [
      'Host',
      'a',
      'X-Forwarded-For',
      '1.1.1.1',
      'X-Real-IP',
      '2.2.2.2',
      'X-Forwarded-Proto',
      'https',
    ];
    expect(toTarget(raw)).toEqual(['Host', 'a', ...own, '1.1.1.1, 198.51.100.7']);
  });

  it('ask for the other protocol only where the client does', () => {
    const raw = ['Host', 'a', 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    expect(toTarget(raw)).toEqual(['Host', 'a', ...own, '198.51.100.7']);
    expect(toTarget(raw, 'GET', 'websocket').slice(-4)).toEqual([
      'Connection',
      'Upgrade',
      'Upgrade',
      'websocket',
    ]);
  });

  it('say that there is no body where the method could have one, and name a host where the client did not', () => {
    expect(toTarget(['Host', 'a'], 'POST').slice(-2)).toEqual(['Content-Length', '0']);
    expect(toTarget(['Host', 'a', 'Transfer-Encoding', 'chunked'], 'POST')).not.toContain('Content-Length');
    expect(toTarget([]).slice(0, 2)).toEqual(['Host', '10.0.240.1']);
  });
});

describe('headers to a client', () => {
  it('are the target’s without those of its connection, and the cookie comes last', () => {
    const raw = ['Set-Cookie', 'a', 'Connection', 'close', 'Transfer-Encoding', 'chunked', 'Set-Cookie', 'b'];
    expect(headersToClient(raw, undefined)).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b']);
    expect(headersToClient(raw, 'c')).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Set-Cookie', 'c']);
  });
});

describe('a body', () => {
  it.each([
    [['Content-Length', '1'], true],
    [['Content-Length', '0'], false],
    [['Transfer-Encoding', 'chunked'], true],
    [[], false],
  ])('of %j: %s', (raw, expected) => expect(hasBody(asked(raw))).toBe(expected));
});
