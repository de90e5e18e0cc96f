import { request as httpsRequest } from 'node:https';
import { isObject, type Json, type JsonObject, objectOf, textOf } from '../json.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** Where a Service's webhook really listens; undefined: nowhere. */
export type ResolveService = (service: ServiceReference) => { host: string; port: number } | undefined;

interface Endpoint {
  /** As error messages show it. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The name the certificate must be for. */
  readonly serverName: string;
}

const endpointOf = (clientConfig: JsonObject, resolve: ResolveService, timeoutSeconds: number): Endpoint => {
  const { url, service } = clientConfig;
  if (typeof url === 'string') {
    const parsed = new URL(url);
    const shown = `${url}${parsed.search === '' ? '?' : '&'}timeout=${timeoutSeconds}s`;
    const port = parsed.port === '' ? 443 : Number(parsed.port);
    const host = parsed.hostname.replace(/^\[|\]$/g, '');
    return { shown, host, port, path: `${parsed.pathname}${parsed.search}`, serverName: host };
  }
  const named = objectOf(service);
  const reference = {
    namespace: textOf(named.namespace),
    name: textOf(named.name),
    port: typeof named.port === 'number' ? named.port : 443,
  };
  const path = textOf(named.path) || '/';
  const serverName = `${reference.name}.${reference.namespace}.svc`;
  const shown = `https://${serverName}:${reference.port}${path}?timeout=${timeoutSeconds}s`;
  const found = resolve(reference);
  if (found === undefined) {
    throw new Error(`Post "${shown}": service "${reference.name}" not found`);
  }
  return { shown, ...found, path, serverName };
};

/**
 * Sends an AdmissionReview to a webhook over HTTPS, trusting only its `caBundle`.
 *
 * @returns the answered review
 * @throws Error where it cannot be reached in time, or answers with something else
 */
export const callWebhook = async (
  webhook: JsonObject,
  review: JsonObject,
  resolve: ResolveService,
): Promise<JsonObject> => {
  const timeoutSeconds = typeof webhook.timeoutSeconds === 'number' ? webhook.timeoutSeconds : 10;
  const clientConfig = objectOf(webhook.clientConfig);
  const endpoint = endpointOf(clientConfig, resolve, timeoutSeconds);
  const caBundle = textOf(clientConfig.caBundle);
  const body = JSON.stringify(review);
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const fail = (why: string): Error => new Error(`failed to call webhook: Post "${endpoint.shown}": ${why}`);
  const answer = await new Promise<{ status: number; text: string }>((resolveAnswer, reject) => {
    const request = httpsRequest(
      {
        host: endpoint.host,
        port: endpoint.port,
        path: endpoint.path,
        method: 'POST',
        servername: /^[\d.:]+$/.test(endpoint.serverName) ? '' : endpoint.serverName,
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json',
          'Content-Length': Buffer.byteLength(body),
        },
        agent: false,
        signal,
        ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolveAnswer({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', (error) =>
      reject(fail(signal.aborted ? 'context deadline exceeded' : error.message)),
    );
    request.end(body);
  });
  if (answer.status !== 200) throw fail(`the server responded with status ${answer.status}`);
  let parsed: Json;
  try {
    parsed = JSON.parse(answer.text);
  } catch {
    throw fail(
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got something that is no JSON',
    );
  }
  if (!isObject(parsed) || !isObject(parsed.response)) {
    throw fail('expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got no response');
  }
  return parsed.response;
};
