import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { ClientSettings } from './report.ts';
import { kindOfError, type Statistics } from './statistics.ts';

/** A long connection to `tcp-echo`: lines are sent at the client's pace, and each must come back. */
export interface LineConnection {
  readonly closed: boolean;
  readonly waiting: boolean;
  send(): void;
  end(): void;
}

export const openLineConnection = (settings: ClientSettings, statistics: Statistics): LineConnection => {
  const socket: Socket = connect({
    ...settings.target,
    ...(settings.source === undefined ? {} : { localAddress: settings.source }),
  });
  statistics.connectionsOpened += 1;
  let greeting: { pod: string; client: string } | undefined;
  let sent: { line: string; atMs: number } | undefined;
  let queued = false;
  let closed = false;
  let rest = '';
  let timer: NodeJS.Timeout | undefined;
  let errorCode: string | undefined;

  const settle = (): void => {
    clearTimeout(timer);
    sent = undefined;
    queued = false;
    statistics.inFlight -= 1;
  };
  const fail = (kind: 'timeout' | 'closed' | 'other' | 'reset' | 'refused', detail: string): void => {
    if (sent === undefined) return;
    const afterMs = Math.round(performance.now() - sent.atMs);
    settle();
    statistics.failed({ atMs: Date.now(), kind, detail, reusedConnection: greeting !== undefined, afterMs });
    socket.destroy();
  };
  const write = (): void => {
    if (sent !== undefined && greeting !== undefined && !queued) {
      queued = true;
      socket.write(`${sent.line}\n`);
    }
  };

  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (greeting === undefined) {
        const [pod = '', client = ''] = line.split(' ');
        greeting = { pod, client };
        write();
      } else if (sent !== undefined && line === sent.line) {
        const ms = performance.now() - sent.atMs;
        settle();
        statistics.succeeded({ ...greeting, version: '' }, ms);
      }
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    errorCode = error.code;
  });
  socket.on('end', () => {
    statistics.connectionsClosedByServer += 1;
  });
  socket.on('close', () => {
    closed = true;
    fail(
      errorCode === undefined ? 'closed' : kindOfErrorOf(errorCode),
      errorCode ?? 'closed before the line came back',
    );
  });

  return {
    get closed() {
      return closed;
    },
    get waiting() {
      return sent !== undefined;
    },
    send: () => {
      statistics.inFlight += 1;
      sent = { line: `line ${Math.random()}`, atMs: performance.now() };
      timer = setTimeout(
        () => fail('timeout', `no echo within ${settings.timeoutMs} ms`),
        settings.timeoutMs,
      );
      write();
    },
    end: () => socket.end(),
  };
};

const kindOfErrorOf = (code: string): 'refused' | 'reset' | 'other' => {
  const kind = kindOfError(code);
  return kind === 'refused' || kind === 'reset' ? kind : 'other';
};
