import { connect, type Socket } from 'node:net';
import type { SocketAddress } from '../../addresses.ts';
import { clashTries, isLocalClash } from '../../net/sockets.ts';
import type { HealthCheck } from '../model.ts';

export interface ProbeOptions {
  readonly socket: SocketAddress;
  readonly localAddress: string | undefined;
  /** Real milliseconds. */
  readonly timeoutMs: number;
  readonly endsWith: 'rst' | 'fin';
  readonly healthCheck: HealthCheck;
}

const end = (socket: Socket, how: 'rst' | 'fin'): void => {
  if (how === 'rst') socket.resetAndDestroy();
  else socket.destroy();
};

const httpRequest = ({ HttpCheckMethod, HttpCheckPath, HttpCheckDomain, HttpVersion }: HealthCheck): string =>
  [
    `${HttpCheckMethod ?? 'HEAD'} ${HttpCheckPath ?? '/'} ${HttpVersion ?? 'HTTP/1.1'}`,
    `Host: ${HttpCheckDomain ?? ''}`,
    'User-Agent: clb-healthcheck',
    'Connection: close',
    '\r\n',
  ].join('\r\n');

/** HttpCode is a mask: 1 for 1xx, 2 for 2xx, 4 for 3xx, 8 for 4xx, 16 for 5xx. */
const accepts = (statusLine: string, mask: number): boolean | undefined => {
  const match = /^HTTP\/1\.[01] ([1-5])\d\d/.exec(statusLine);
  if (match === null) return statusLine.length < 12 ? undefined : false;
  return (mask & (1 << (Number(match[1]) - 1))) !== 0;
};

/**
 * One TCP connect, or one HTTP request, for real. A time-out is judged only after the sockets were looked at
 * once more: a process that was late itself must not call a target dead.
 */
export const probe = (options: ProbeOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const { socket: address, localAddress, timeoutMs, endsWith, healthCheck } = options;
    const http = healthCheck.CheckType === 'HTTP';
    let settled = false;
    let received = '';
    let socket: Socket | undefined;
    const settle = (success: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (socket !== undefined) end(socket, endsWith);
      resolve(success);
    };
    const dial = (left: number): void => {
      const attempt = connect({ ...address, ...(localAddress === undefined ? {} : { localAddress }) });
      socket = attempt;
      attempt.on('error', (error) => {
        if (!settled && isLocalClash(error) && left > 0) dial(left - 1);
        else settle(false);
      });
      attempt.once('connect', () => {
        if (http) attempt.write(httpRequest(healthCheck));
        else settle(true);
      });
      attempt.on('data', (chunk) => {
        received += chunk.toString('latin1');
        const verdict = accepts(received, healthCheck.HttpCode ?? 31);
        if (verdict !== undefined) settle(verdict);
      });
      attempt.once('end', () => settle(false));
    };
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => settle(false))), timeoutMs);
    dial(clashTries);
  });
