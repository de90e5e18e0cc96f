import { createSocket } from 'node:dgram';
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

const bytesOf = (context: string | null, type: string | null): Buffer =>
  Buffer.from(context ?? '', type === 'HEX' ? 'hex' : 'utf8');

/** What a custom check sends, and what the answer must begin with. */
const customOf = ({ ContextType, SendContext, RecvContext }: HealthCheck) => ({
  sent: bytesOf(SendContext, ContextType),
  wanted: bytesOf(RecvContext, ContextType),
});

/** Whether what has come fits; undefined: it may still. */
const fits = (received: Buffer, wanted: Buffer): boolean | undefined => {
  if (received.length >= wanted.length) return received.subarray(0, wanted.length).equals(wanted);
  return wanted.subarray(0, received.length).equals(received) ? undefined : false;
};

/** One datagram and its answer. Without a wanted answer, who tells that nobody listens is dead, the rest alive. */
export const probeUdp = (options: ProbeOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const { socket: to, localAddress, timeoutMs, healthCheck } = options;
    const { sent, wanted } = customOf(healthCheck);
    const socket = createSocket('udp4');
    let settled = false;
    const settle = (success: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.close();
      resolve(success);
    };
    const timer = setTimeout(
      () => setImmediate(() => setImmediate(() => settle(wanted.length === 0))),
      timeoutMs,
    );
    socket.on('error', () => settle(false));
    socket.on('message', (answer) => settle(fits(answer, wanted) === true));
    const dial = (): void => socket.connect(to.port, to.host, () => socket.send(sent, () => undefined));
    if (localAddress === undefined) dial();
    else socket.bind({ address: localAddress, port: 0 }, dial);
  });

/**
 * One TCP connect, one HTTP request, or one custom exchange, for real. A time-out is judged only after the sockets were looked at
 * once more: a process that was late itself must not call a target dead.
 */
export const probe = (options: ProbeOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const { socket: address, localAddress, timeoutMs, endsWith, healthCheck } = options;
    const http = healthCheck.CheckType === 'HTTP';
    const custom = healthCheck.CheckType === 'CUSTOM' ? customOf(healthCheck) : undefined;
    let settled = false;
    let received = Buffer.alloc(0);
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
        else if (custom === undefined) settle(true);
        else attempt.write(custom.sent);
      });
      attempt.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const verdict =
          custom === undefined
            ? accepts(received.toString('latin1'), healthCheck.HttpCode ?? 31)
            : fits(received, custom.wanted);
        if (verdict !== undefined) settle(verdict);
      });
      attempt.once('end', () => settle(false));
    };
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => settle(false))), timeoutMs);
    dial(clashTries);
  });
