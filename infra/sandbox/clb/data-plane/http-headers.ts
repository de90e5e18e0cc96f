import type { IncomingMessage } from 'node:http';

/** Of one connection only, or set by the load balancer: what the sender says in them goes no further. */
const notToTarget = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'expect',
  'upgrade',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-client-proto',
  'x-client-proto-ver',
  'x-stgw-time',
]);

const notToClient = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const without = (raw: readonly string[], dropped: ReadonlySet<string>): string[] => {
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (!dropped.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
};

/** Does the request have a body, of whatever length? */
export const hasBody = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

type Asked = Pick<IncomingMessage, 'rawHeaders' | 'headers' | 'httpVersion' | 'method'>;

/**
 * The headers that a target gets: the client's own, Host included, and what the load balancer tells about it.
 *
 * @param clientIp goes to the end of X-Forwarded-For; all before it is what the client says
 * @param host for a client of HTTP/1.0 that names none
 * @param upgrade the protocol that the client wants to change to
 * @param scheme how the client speaks to the load balancer
 */
export const headersToTarget = (
  { rawHeaders, headers, httpVersion, method }: Asked,
  clientIp: string,
  nowMs: number,
  host: string,
  upgrade: string | undefined,
  scheme: 'http' | 'https',
): string[] => {
  const sent = without(rawHeaders, notToTarget);
  if (headers.host === undefined) sent.push('Host', host);
  const before = headers['x-forwarded-for'];
  const chain = before === undefined ? '' : `${String(before)}, `;
  sent.push('X-Stgw-Time', (nowMs / 1000).toFixed(3));
  sent.push(
    'X-Client-Proto',
    scheme,
    'X-Forwarded-Proto',
    scheme,
    'X-Client-Proto-Ver',
    `HTTP/${httpVersion}`,
  );
  sent.push('X-Real-IP', clientIp, 'X-Forwarded-For', `${chain}${clientIp}`);
  if (upgrade !== undefined) sent.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  // Else Node sends an empty chunked body with it.
  const isBare = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
  if (isBare && method !== 'GET' && method !== 'HEAD') sent.push('Content-Length', '0');
  return sent;
};

/** The headers that a client gets: the target's own, and the cookie of a new session. */
export const headersToClient = (raw: readonly string[], cookie: string | undefined): string[] => {
  const sent = without(raw, notToClient);
  if (cookie !== undefined) sent.push('Set-Cookie', cookie);
  return sent;
};
