import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What TC3-HMAC-SHA256 is computed over. Values are as they stand on the wire. */
export interface SignedRequest {
  readonly method: string;
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Authorization {
  readonly secretId: string;
  readonly date: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const sha256Hex = (value: string | Buffer): string => createHash('sha256').update(value).digest('hex');
const hmac = (key: string | Buffer, value: string): Buffer =>
  createHmac('sha256', key).update(value).digest();

/** The UTC date of the credential scope. */
export const dateOf = (timestampSeconds: number): string =>
  new Date(timestampSeconds * 1000).toISOString().slice(0, 10);

/** Takes an Authorization header apart; undefined when it is not a complete TC3 one. */
export const parseAuthorization = (header: string | undefined): Authorization | undefined => {
  const match =
    /^TC3-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})$/.exec(
      header?.trim() ?? '',
    );
  const [, credential = '', signedHeaders = '', signature = ''] = match ?? [];
  const [secretId, date, service, end, ...more] = credential.split('/');
  if (!secretId || !date || !service || end !== 'tc3_request' || more.length > 0) return undefined;
  const names = signedHeaders.split(';');
  if (!names.includes('content-type') || !names.includes('host')) return undefined;
  return { secretId, date, service, signedHeaders: names, signature };
};

/** The canonical request over header values that are given as they are to be signed. */
export const canonicalRequest = (
  { method, query, headers, body }: SignedRequest,
  signedHeaders: readonly string[],
): string => {
  const payload =
    headers['x-tc-content-sha256'] === 'UNSIGNED-PAYLOAD' ? 'UNSIGNED-PAYLOAD' : method === 'GET' ? '' : body;
  return [
    method,
    '/',
    method === 'GET' ? query : '',
    ...signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    signedHeaders.join(';'),
    sha256Hex(payload),
  ].join('\n');
};

/** The four steps of the key derivation, each visible for the published test vectors. */
export const signature = (
  secretKey: string,
  timestamp: string,
  scope: { readonly date: string; readonly service: string },
  canonical: string,
): { secretDate: Buffer; secretService: Buffer; secretSigning: Buffer; signature: string } => {
  const secretDate = hmac(`TC3${secretKey}`, scope.date);
  const secretService = hmac(secretDate, scope.service);
  const secretSigning = hmac(secretService, 'tc3_request');
  const toSign = [
    'TC3-HMAC-SHA256',
    timestamp,
    `${scope.date}/${scope.service}/tc3_request`,
    sha256Hex(canonical),
  ].join('\n');
  return { secretDate, secretService, secretSigning, signature: hmac(secretSigning, toSign).toString('hex') };
};

const withoutPort = (host: string): string => host.replace(/:\d+$/, '');

/**
 * Whether the signature is right, over the raw bytes. The Node SDK signs the host without its port, the Go and
 * Python SDKs with it; the documents lower-case the content type, the SDKs sign it as sent: all are accepted.
 */
export const verifies = (
  authorization: Authorization,
  request: SignedRequest,
  timestamp: string,
  secretKey: string,
): boolean => {
  const host = request.headers.host ?? '';
  const contentType = request.headers['content-type'] ?? '';
  const lowered = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, value.toLowerCase()]),
  );
  const expected = Buffer.from(authorization.signature);
  for (const signedHost of new Set([host, withoutPort(host)])) {
    for (const signedType of new Set([contentType, contentType.toLowerCase()])) {
      const headers = { ...lowered, host: signedHost, 'content-type': signedType };
      const unsigned = request.headers['x-tc-content-sha256'];
      const canonical = canonicalRequest(
        {
          ...request,
          headers: unsigned === undefined ? headers : { ...headers, 'x-tc-content-sha256': unsigned },
        },
        authorization.signedHeaders,
      );
      const computed = signature(secretKey, timestamp, authorization, canonical).signature;
      if (timingSafeEqual(Buffer.from(computed), expected)) return true;
    }
  }
  return false;
};
