import { createServer } from 'node:http';
import type { ListenAddress } from '../../shared/process/setting-table.ts';

export interface HealthDependencies {
  readonly listen: ListenAddress;
  /** Everything that must hold before this replica may be relied on, by name. */
  readonly checks: Readonly<Record<string, () => boolean>>;
  readonly isLeading: () => boolean;
  /** Numbers for /metrics, by name without our prefix. */
  readonly figures: () => Readonly<Record<string, number | boolean>>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

const metricName = (name: string): string =>
  `clb_direct_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

/** The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/), gauges only. */
const metricsText = (figures: Readonly<Record<string, number | boolean>>): string =>
  Object.entries(figures)
    .map(([name, value]) => `# TYPE ${metricName(name)} gauge\n${metricName(name)} ${Number(value)}\n`)
    .join('');

/**
 * `/healthz`: the process answers. `/readyz`: 200 once all checks hold, whether it leads or stands by; else 503.
 * Both name what they know. `/metrics`: numbers.
 *
 * @throws when it cannot listen
 */
export const startHealth = async (dependencies: HealthDependencies): Promise<HealthServer> => {
  const { listen, checks, isLeading, figures } = dependencies;

  const ready = (): { readonly status: number; readonly body: string } => {
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
  const answers: Readonly<Record<string, () => { readonly status: number; readonly body: string }>> = {
    '/healthz': () => ({ status: 200, body: 'ok\n' }),
    '/readyz': ready,
    '/metrics': () => ({ status: 200, body: metricsText({ leading: isLeading(), ...figures() }) }),
  };

  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const known = Object.hasOwn(answers, path) ? answers[path] : undefined;
    const { status, body } = known?.() ?? { status: 404, body: 'not found\n' };
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(body);
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
