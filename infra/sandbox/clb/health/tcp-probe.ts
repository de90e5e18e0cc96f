import { connect, type Socket } from 'node:net';
import { clashTries, isLocalClash } from '../../net/sockets.ts';
import type { HealthCheck } from '../model.ts';
import { customContext } from './custom-context.ts';
import type { ProbeOptions } from './probe-options.ts';

type TcpProbeOptions = Omit<ProbeOptions, 'transport'>;

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

/** What is said once connected, and what is thought of all that came back; undefined: not known yet. */
interface Conversation {
  readonly said: string | Buffer;
  readonly verdict: (received: Buffer) => boolean | undefined;
}

const http = (healthCheck: HealthCheck): Conversation => ({
  said: httpRequest(healthCheck),
  verdict: (received) => accepts(received.toString('latin1', 0, 16), healthCheck.HttpCode ?? 31),
});

/** A stream has no ends of messages: it must begin with what is expected. */
const custom = (healthCheck: HealthCheck): Conversation => {
  const { sent, expected } = customContext(healthCheck);
  return {
    said: sent,
    verdict: (received) => {
      const length = Math.min(received.length, expected.length);
      if (!received.subarray(0, length).equals(expected.subarray(0, length))) return false;
      return length === expected.length ? true : undefined;
    },
  };
};

const conversationOf = (healthCheck: HealthCheck): Conversation | undefined => {
  if (healthCheck.CheckType === 'HTTP') return http(healthCheck);
  return healthCheck.CheckType === 'CUSTOM' ? custom(healthCheck) : undefined;
};

/** One connection, with the check's request and the answer to it. */
export const tcpProbe = (options: TcpProbeOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const { socket: address, localAddress, timeoutMs, endsWith, healthCheck } = options;
    const conversation = conversationOf(healthCheck);
    let settled = false;
    let received: Buffer = Buffer.alloc(0);
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
        if (conversation === undefined) settle(true);
        else attempt.write(conversation.said);
      });
      attempt.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const verdict = conversation?.verdict(received);
        if (verdict !== undefined) settle(verdict);
      });
      attempt.once('end', () => settle(false));
    };
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => settle(false))), timeoutMs);
    dial(clashTries);
  });
