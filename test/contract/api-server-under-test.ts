import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { expect } from 'vitest';
import {
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
} from '../../infra/sandbox/cluster/api-server/server.ts';
import type { ControlPlane } from '../../infra/sandbox/control-plane/control-plane.ts';
import { isControlPlaneUnderTest, startControlPlaneUnderTest } from '../support/control-plane.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The decoded JSON; undefined where it is none. */
  readonly body: unknown;
  readonly text: string;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Another token than the admin's; null: none. */
  readonly token?: string | null;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

/** An open watch and the events it got so far. */
export interface OpenWatch {
  readonly status: number;
  readonly events: readonly WatchEvent[];
  /** Waits until an event was seen that `matches`; the events before it are in `events`. */
  until(matches: (event: WatchEvent) => boolean): Promise<WatchEvent>;
  /** Resolves when the server ends the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/** A server that is spoken to over the wire only. */
export interface ServerUnderTest {
  readonly url: string;
  readonly token: string;
  readonly caPem: string;
  /** A real kube-apiserver: some things differ that it was measured to do differently. */
  readonly isReal: boolean;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  watch(path: string, options?: Pick<CallOptions, 'accept' | 'token'>): Promise<OpenWatch>;
  /** Forgets the history of changes; who watches goes on. */
  compact(): Promise<void>;
  /** The same, as after a restart: a real server keeps some of it in memory until then. */
  forget(): Promise<void>;
  /** A new namespace. */
  namespace(): Promise<string>;
  close(): Promise<void>;
}

export const mergePatch = 'application/merge-patch+json';
export const strategicPatch = 'application/strategic-merge-patch+json';
export const jsonPatch = 'application/json-patch+json';
export const applyPatch = 'application/apply-patch+yaml';

const readAll = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** The value at a dotted path of decoded JSON, e.g. `metadata.uid` or `items.0.status`; `\\.` is a dot in a key. */
export const at = (value: unknown, path: string): unknown => {
  let found = value;
  for (const part of path.split(/(?<!\\)\./)) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = new Map<string, unknown>(Object.entries(found)).get(part.replaceAll('\\.', '.'));
  }
  return found;
};

/** The string at a path; it must be there. */
export const textAt = (value: unknown, path: string): string => {
  const found = at(value, path);
  if (typeof found !== 'string') throw new Error(`no string at ${path} in ${JSON.stringify(value)}`);
  return found;
};

/** The array at a path; it must be there. */
export const listAt = (value: unknown, path: string): unknown[] => {
  const found = at(value, path);
  if (!Array.isArray(found)) throw new Error(`no array at ${path} in ${JSON.stringify(value)}`);
  return found;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Follows a watch's lines. */
const follow = (message: IncomingMessage): OpenWatch => {
  const events: WatchEvent[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  let isOver = false;
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  message.setEncoding('utf8');
  message.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = parse(line);
      events.push({ type: textAt(event, 'type'), object: at(event, 'object') });
    }
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      wake();
      resolve();
    };
    message.on('end', end);
    message.on('close', end);
    message.on('error', end);
  });
  return {
    status: message.statusCode ?? 0,
    events,
    ended,
    until: (matches) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find(matches);
          if (found === undefined && !isOver) return;
          waiting.delete(look);
          if (found === undefined)
            reject(new Error(`the watch ended after ${JSON.stringify(events).slice(0, 2000)}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: () => message.destroy(),
  };
};

interface Endpoint {
  readonly url: string;
  readonly token: string;
  readonly caPem: string;
  readonly isReal: boolean;
  readonly compact: () => Promise<void>;
  readonly forget: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A client of one server. */
const clientOf = (endpoint: Endpoint): ServerUnderTest => {
  const agent = new Agent({ keepAlive: true, ca: endpoint.caPem });
  const open = (method: string, path: string, options: CallOptions): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { body, contentType = 'application/json', accept = 'application/json' } = options;
      const token = options.token === undefined ? endpoint.token : options.token;
      const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const request = httpsRequest(new URL(path, endpoint.url), {
        method,
        agent,
        headers: {
          Accept: accept,
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
          ...(payload === undefined
            ? {}
            : { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(payload) }),
        },
      });
      request.on('response', resolve);
      request.on('error', reject);
      request.end(payload);
    });
  const call: ServerUnderTest['call'] = async (method, path, options = {}) => {
    const message = await open(method, path, options);
    const text = await readAll(message);
    return { status: message.statusCode ?? 0, headers: message.headers, body: parse(text), text };
  };
  return {
    url: endpoint.url,
    token: endpoint.token,
    caPem: endpoint.caPem,
    isReal: endpoint.isReal,
    compact: endpoint.compact,
    forget: endpoint.forget,
    call,
    watch: async (path, options = {}) =>
      follow(await open('GET', `${path}${path.includes('?') ? '&' : '?'}watch=1`, options)),
    namespace: async () => {
      const { body } = await call('POST', '/api/v1/namespaces', {
        body: { metadata: { generateName: 'contract-' } },
      });
      return textAt(body, 'metadata.name');
    },
    close: async () => {
      agent.destroy();
      await endpoint.close();
    },
  };
};

/** The in-process server behind a client that only knows its address. */
export const clientOfApiServer = (server: ApiServer): ServerUnderTest =>
  clientOf({
    url: server.url,
    token: server.adminToken,
    caPem: server.caPem,
    isReal: false,
    compact: async () => server.compact(),
    forget: async () => server.compact(),
    close: () => server.close(),
  });

/** A real server behind such a client. */
export const clientOfControlPlane = (controlPlane: ControlPlane): ServerUnderTest =>
  clientOf({
    ...controlPlane,
    token: controlPlane.adminToken,
    isReal: true,
    forget: async () => {
      await controlPlane.compact();
      await controlPlane.restartApiServer();
    },
  });

/**
 * The server that the contract is held against: with `CLUSTER_UNDER_TEST=control-plane` (`npm run test:cluster`) a new
 * real one, else a new in-process one.
 */
export const openServerUnderTest = async (options: ApiServerOptions = {}): Promise<ServerUnderTest> => {
  if (!isControlPlaneUnderTest) {
    return clientOfApiServer(await startApiServer({ rbac: true, bookmarkIntervalMs: 1000, ...options }));
  }
  // Pods are left alone, as the in-process server leaves them.
  return clientOfControlPlane(await startControlPlaneUnderTest({ scheduler: false }));
};

/** Asks again until an answer `holds`. */
export const eventually = async (
  ask: () => Promise<Reply>,
  holds: (reply: Reply) => boolean,
): Promise<Reply> => {
  for (;;) {
    const reply = await ask();
    if (holds(reply)) return reply;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** A watch from before what is remembered: it is taken, and ends with one ERROR event of code 410. */
export const expectExpired = async (watch: OpenWatch): Promise<void> => {
  expect(watch.status).toBe(200);
  await watch.ended;
  expect(watch.events).toHaveLength(1);
  expect(watch.events[0]).toMatchObject({
    type: 'ERROR',
    object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 },
  });
  expect(textAt(watch.events[0]?.object, 'message')).toContain('too old resource version');
};

/** A Pod that is bound to no Node unless one is named. */
export const aPod = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'main', image: 'nginx:1.27' }], ...spec },
});

export const aConfigMap = (name: string, metadata: object = {}, data: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

export const aService = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [{ port: 80 }], selector: { app: 'web' }, ...spec },
});
