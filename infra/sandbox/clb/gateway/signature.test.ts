import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalRequest, dateOf, parseAuthorization, signature, verifies } from './signature.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const body = Buffer.from(
  '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
);
const post = {
  method: 'POST',
  query: '',
  headers: {
    host: 'cvm.tencentcloudapi.com',
    'content-type': 'application/json; charset=utf-8',
    'x-tc-action': 'describeinstances',
  },
  body,
};
const scope = { date: '2019-02-25', service: 'cvm' };
const stars = '*'.repeat(32);
const exampleKey = 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE';

describe('TC3-HMAC-SHA256 against the published and recomputed vectors', () => {
  it('the example of the documents, step by step', () => {
    const canonical = canonicalRequest(post, ['content-type', 'host', 'x-tc-action']);
    expect(sha256(canonical)).toBe('7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84');
    const steps = signature(stars, '1551113065', scope, canonical);
    expect([
      steps.secretDate.toString('hex'),
      steps.secretService.toString('hex'),
      steps.secretSigning.toString('hex'),
      steps.signature,
    ]).toEqual([
      'da98fb70dcf6b112dc21038d1eeeb3a95c74b4dcb12c1131f864f6066bd02be0',
      '8d70cbefb03939f929db64d32dc2ba89b1095620119fe3e050e2b18c5bd2752f',
      'b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af',
      '10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f',
    ]);
  });

  it('only content-type and host signed', () => {
    const canonical = canonicalRequest(post, ['content-type', 'host']);
    expect(sha256(canonical)).toBe('5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031');
    expect(signature(exampleKey, '1551113065', scope, canonical).signature).toBe(
      '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168',
    );
  });

  it('GET signs the query and an empty payload', () => {
    const canonical = canonicalRequest(
      {
        method: 'GET',
        query: 'Limit=10&Offset=0',
        headers: {
          host: 'cvm.tencentcloudapi.com',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: Buffer.from(''),
      },
      ['content-type', 'host'],
    );
    expect(sha256(canonical)).toBe('91c9c192c14460df6c1ffc69e34e6c5e90708de2a6d282cccf957dbf1aa7f3a7');
    const { signature: signed } = signature(
      exampleKey,
      '1539084154',
      { date: dateOf(1_539_084_154), service: 'cvm' },
      canonical,
    );
    expect(signed).toBe('5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474');
  });

  const clbRequest = (host: string) => ({
    method: 'POST',
    query: '',
    headers: { host, 'content-type': 'application/json' },
    body: Buffer.from('{"LoadBalancerId":"lb-12345678"}'),
  });
  const authorization = (signed: string) => ({
    secretId: 'AKIDEXAMPLE',
    date: '2023-11-14',
    service: 'clb',
    signedHeaders: ['content-type', 'host'],
    signature: signed,
  });

  it.each([
    ['clb.tencentcloudapi.com', '866308a230c3d6ff8c240ad93ad1ac12e22d0a857de14cf24d863a7590fb7eb7'],
    // The Node SDK signs the host without the port that it sends.
    ['clb.localhost:18080', '84fa75191ca4d978f215d03e85697869119ebbf5442a44ac2c6d8a6964b1ebd7'],
  ])('the Node SDK signs for %s', (host, signed) => {
    const request = clbRequest(host);
    expect(verifies(authorization(signed), request, '1700000000', 'SECRETEXAMPLE')).toBe(true);
    expect(verifies(authorization(signed), request, '1700000000', 'ANOTHERSECRET')).toBe(false);
    expect(verifies(authorization(signed), request, '1700000001', 'SECRETEXAMPLE')).toBe(false);
    const altered = { ...request, body: Buffer.from('{"LoadBalancerId":"lb-12345679"}') };
    expect(verifies(authorization(signed), altered, '1700000000', 'SECRETEXAMPLE')).toBe(false);
  });

  it('accepts the host signed with its port, a content type signed as sent, and an unsigned payload', () => {
    for (const [host, contentType, payload] of [
      ['127.0.0.1:33317', 'application/json', undefined],
      ['clb.tencentcloudapi.com', 'Application/JSON', undefined],
      ['clb.tencentcloudapi.com', 'application/json', 'UNSIGNED-PAYLOAD'],
    ] as const) {
      const request = {
        method: 'POST',
        query: '',
        headers: {
          host,
          'content-type': contentType,
          ...(payload === undefined ? {} : { 'x-tc-content-sha256': payload }),
        },
        body: Buffer.from('{}'),
      };
      const names = ['content-type', 'host'];
      const { signature: signed } = signature(
        'SECRETEXAMPLE',
        '1700000000',
        { date: '2023-11-14', service: 'clb' },
        canonicalRequest(request, names),
      );
      expect(verifies(authorization(signed), request, '1700000000', 'SECRETEXAMPLE')).toBe(true);
    }
  });
});

describe('the Authorization header', () => {
  const right = `TC3-HMAC-SHA256 Credential=AKID1/2023-11-14/clb/tc3_request, SignedHeaders=content-type;host, Signature=${'a'.repeat(64)}`;

  it('is taken apart', () => {
    expect(parseAuthorization(right)).toEqual({
      secretId: 'AKID1',
      date: '2023-11-14',
      service: 'clb',
      signedHeaders: ['content-type', 'host'],
      signature: 'a'.repeat(64),
    });
  });

  it.each([
    ['missing', undefined],
    ['SKIP', 'SKIP'],
    ['another algorithm', right.replace('TC3-HMAC-SHA256', 'HmacSHA1')],
    ['a scope of three parts', right.replace('/clb', '')],
    ['a scope with another end', right.replace('tc3_request', 'aws4_request')],
    ['host not signed', right.replace(';host', '')],
    ['a short signature', right.slice(0, -1)],
  ])('is refused: %s', (_, header) => {
    expect(parseAuthorization(header)).toBeUndefined();
  });
});
