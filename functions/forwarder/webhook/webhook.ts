import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Connection } from '../../../shared/kubernetes/connection.ts';
import type { DeriveOptions } from '../../../shared/model/claim.ts';
import type { Clock } from '../../../shared/model/clock.ts';
import type { View } from '../../../shared/model/view.ts';
import type { WebhookSettings } from '../../../shared/process/config.ts';
import type { Log } from '../../../shared/process/log.ts';
import type { Metrics } from '../../../shared/process/metrics.ts';
import { answerReview, parseReview } from './admission-review.ts';
import { type Authority, loadAuthority } from './authority-secret.ts';
import { expiresAt, issueServerCertificate, type KeyPair } from './certificates.ts';
import { createFrontDoor } from './front-door.ts';
import { register, servicePath } from './registration.ts';
import { wishFor } from './wish.ts';

export interface WebhookDependencies {
  readonly connection: Connection;
  readonly settings: WebhookSettings;
  readonly ownNamespace: string;
  readonly view: View;
  readonly options: DeriveOptions;
  /** The view knows every Service. */
  readonly synced: Promise<void>;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Webhook {
  readonly port: number;
  /** It knows the Services, has a certificate, and the API server has been told to trust it. */
  isReady(): boolean;
  /** Serves on for the configured time, then ends. */
  stop(): Promise<void>;
}

/** The API server waits two seconds; a review that comes before the Services are known may wait so long. */
const patienceMs = 1_500;
const maxBodyBytes = 4 * 1024 * 1024;
/** Somebody may apply the configuration anew, without our authority. */
const registerEveryMs = 10_000;
const authorityEveryMs = 3_600_000;
const renewBeforeMs = 10 * 86_400_000;

const pathOf = ({ target }: WebhookSettings): string =>
  'url' in target ? new URL(target.url).pathname : servicePath;

const hostsOf = ({ target }: WebhookSettings, ownNamespace: string): readonly string[] => {
  if ('url' in target) return [new URL(target.url).hostname.replace(/^\[|\]$/g, '')];
  const name = `${target.service}.${ownNamespace}.svc`;
  return [name, `${name}.cluster.local`];
};

/** Undefined: too long. */
const bodyOf = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    length += bytes.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const refuse = (response: ServerResponse, status: number, why: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${why}\n`);
};

/**
 * The admission webhook: adds our readiness gate, and the preStop sleep where asked, to Pods that are being created.
 * No review has side effects, so a dry run is like any other.
 *
 * @throws when it cannot listen
 */
export const startWebhook = async (dependencies: WebhookDependencies): Promise<Webhook> => {
  const { connection, settings, ownNamespace, view, options, metrics, clock, log } = dependencies;
  const path = pathOf(settings);
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let synced = false;
  let registered = false;

  const ask = { view, options, ownNamespace, preStopSleepSeconds: settings.preStopSleepSeconds };
  const known = dependencies.synced.then(
    () => {
      synced = true;
    },
    () => undefined,
  );

  const isKnownInTime = async (): Promise<boolean> => {
    if (synced) return true;
    const inTime = new AbortController();
    await Promise.race([known, clock.sleep(patienceMs, inTime.signal)]);
    inTime.abort();
    return synced;
  };

  const reviewed = (outcome: 'patched' | 'unchanged' | 'refused' | 'not-ready' | 'failed'): void =>
    metrics.count('clb_direct_webhook_reviews_total', { outcome });

  const turnAway = (response: ServerResponse, status: number, why: string): void => {
    reviewed(status === 503 ? 'not-ready' : 'refused');
    refuse(response, status, why);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if ((request.url ?? '').split('?')[0] !== path) return turnAway(response, 404, 'not found');
    if (request.method !== 'POST') return turnAway(response, 405, 'POST only');
    const body = await bodyOf(request);
    if (body === undefined) return turnAway(response, 413, `more than ${maxBodyBytes} bytes`);
    const review = parseReview(body);
    if ('malformed' in review) {
      log.warn('A malformed AdmissionReview was refused.', { why: review.malformed });
      return turnAway(response, 400, `malformed AdmissionReview: ${review.malformed}`);
    }
    if (!(await isKnownInTime())) return turnAway(response, 503, 'the Services are not known yet');
    const { review: answer, patched } = answerReview(review.request, (pod, namespace) =>
      wishFor(pod, namespace, ask),
    );
    reviewed(patched ? 'patched' : 'unchanged');
    response.writeHead(200, {
      'content-type': 'application/json',
      // Who keeps connections is to look for another replica.
      ...(stopping.signal.aborted ? { connection: 'close' } : {}),
    });
    response.end(JSON.stringify(answer));
  };

  const server: Server = createServer({ minVersion: 'TLSv1.2' }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      log.error('An AdmissionReview could not be answered.', { error });
      reviewed('failed');
      if (!response.headersSent) refuse(response, 500, 'internal error');
      else response.destroy();
    });
  });
  server.on('tlsClientError', (error) => log.debug('A TLS handshake failed.', { error }));
  const door = await createFrontDoor(settings.listen);

  /** Certificate first, then trust: a certificate that nobody trusts yet costs nobody who is trusted. */
  const keepUp = async (): Promise<void> => {
    let authority: Authority | undefined;
    let certificate: KeyPair | undefined;
    let loadedAt = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      try {
        const now = clock.now();
        if (authority === undefined || now >= loadedAt + authorityEveryMs) {
          const loaded = await loadAuthority(
            connection,
            { namespace: ownNamespace, name: settings.secret },
            now,
          );
          const changed = loaded.current.certificatePem !== authority?.current.certificatePem;
          authority = loaded;
          loadedAt = now;
          if (changed) certificate = undefined;
        }
        if (certificate === undefined || expiresAt(certificate.certificatePem) < now + renewBeforeMs) {
          certificate = await issueServerCertificate(authority.current, hostsOf(settings, ownNamespace), now);
          server.setSecureContext({
            cert: certificate.certificatePem,
            key: certificate.keyPem,
            minVersion: 'TLSv1.2',
          });
          door.open((socket) => server.emit('connection', socket));
        }
        await Promise.race([known, stopped]);
        if (synced && !stopping.signal.aborted) {
          await register(connection, { settings, ownNamespace, trust: authority.bundlePem });
          if (!registered) log.info('The webhook is registered.', { configuration: settings.configuration });
          registered = true;
        }
      } catch (error) {
        log.warn('The webhook could not be made known to the API server; it is tried again.', { error });
      }
      await clock.sleep(registered ? registerEveryMs : 1_000, stopping.signal);
    }
  };
  const keepingUp = keepUp();

  return {
    port: door.port,
    isReady: () => synced && registered && !stopping.signal.aborted,
    stop: async () => {
      stopping.abort();
      if (settings.lingerMs > 0) await clock.sleep(settings.lingerMs);
      await keepingUp;
      await door.close();
    },
  };
};
