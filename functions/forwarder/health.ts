import { createServer } from 'node:http';
import type { Metrics } from '../../shared/process/metrics.ts';
import type { ListenAddress } from '../../shared/process/setting-table.ts';

export interface HealthDependencies {
  readonly listen: ListenAddress;
  /** Everything that must hold before this replica may be relied on, by name. */
  readonly checks: Readonly<Record<string, () => boolean>>;
  readonly isLeading: () => boolean;
  readonly metrics: Pick<Metrics, 'scrape'>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/**
 * `/healthz`: the process answers. `/readyz`: 200 once all checks hold, whether it leads or stands by; else 503.
 * Both name what they know. `/metrics`: docs/metrics.md.
 *
 * @throws when it cannot listen
 */
export const startHealth = async (dependencies: HealthDependencies): Promise<HealthServer> => {
  const { listen, checks, isLeading, metrics } = dependencies;

  const ready = (): Answer => {
    const lines = Object.entries(checks).map(([name, holds]) => ({ name, holds: holds() }));
    return {
      status: lines.every(({ holds }) => holds) ? 200 : 503,
      body: [
        ...lines.map(({ name, holds }) => `${holds ? '[+]' : '[-]'}${name}`),
        isLeading() ? 'leading' : 'standby',
        '',
      ].join('\n'),
    };
  };
  const scraped = async (): Promise<Answer> => {
    const { contentType, text } = await metrics.scrape();
    return { status: 200, body: text, contentType };
  };
  const answers: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
    '/healthz': () => ({ status: 200, body: 'ok\n' }),
    '/readyz': ready,
    '/metrics': scraped,
  };

  const answerTo = async (url: string): Promise<Answer> => {
    const path = url.split('?')[0] ?? '';
    const known = Object.hasOwn(answers, path) ? answers[path] : undefined;
    return (await known?.()) ?? { status: 404, body: 'not found\n' };
  };
  const server = createServer((request, response) => {
    answerTo(request.url ?? '')
      .catch((): Answer => ({ status: 500, body: 'internal error\n' }))
      .then(({ status, body, contentType = 'text/plain; charset=utf-8' }) => {
        response.writeHead(status, { 'content-type': contentType });
        response.end(body);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
