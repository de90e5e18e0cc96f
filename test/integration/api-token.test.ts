import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createApiToken } from '../../functions/forwarder/api-token.ts';
import { readApiAccess, storedConnection } from '../../functions/platform/api-access.ts';
import { serviceAccounts } from '../../infra/sandbox/cluster/objects.ts';
import { connectionOf } from '../../shared/kubernetes/connection.ts';
import { getObject } from '../../shared/kubernetes/request.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { silentLog } from '../../shared/process/log.ts';
import { startApiUnderTest } from '../support/api-under-test.ts';

const key = randomBytes(32);
const hourMs = 3_600_000;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const aNoteStore = () => {
  const notes = new Map<string, string>();
  return {
    notes,
    writeNote: async (name: string, text: string) => void notes.set(name, text),
    readNote: async (name: string) => notes.get(name),
  };
};

/** Real sockets need real time: looks again until it is so. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 4_000 && !(await holds()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await holds()).toBe(true);
};

/** An API server that grants tokens, and a store with notes. */
const aWorld = async (apiServer?: string) => {
  const clock = createFakeClock();
  const asked: { path: string; body: string; authorization: string | undefined }[] = [];
  const world = { failing: false };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
    if (world.failing) {
      response.writeHead(503).end('{}');
      return;
    }
    const expirationTimestamp = new Date(clock.now() + hourMs).toISOString();
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: { token: `token-${asked.length}`, expirationTimestamp } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const connection = connectionOf({
    server: `http://127.0.0.1:${address.port}`,
    ca: 'PEM',
    token: 'our-own',
  });
  const store = aNoteStore();
  const apiToken = createApiToken({
    connection,
    store,
    namespace: 'clb-direct',
    serviceAccount: 'clb-direct-functions',
    key,
    ...(apiServer === undefined ? {} : { apiServer }),
    clock,
    log: silentLog,
  });
  const stop = new AbortController();
  ends.push(() => {
    stop.abort();
    connection.close();
    server.closeAllConnections();
    server.close();
  });
  const told = () => readApiAccess(store, key);
  return { clock, asked, world, notes: store.notes, apiToken, stop, told, connection };
};

test('what is written is a token of the functions’ account, where we reach the API server', async () => {
  const { apiToken, asked, told, clock, connection } = await aWorld();
  await apiToken.writeNow();
  expect(asked).toHaveLength(1);
  expect(asked[0]?.path).toBe('/api/v1/namespaces/clb-direct/serviceaccounts/clb-direct-functions/token');
  expect(asked[0]?.authorization).toBe('Bearer our-own');
  expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3_600 },
  });
  expect(await told()).toEqual({
    server: connection.server.href,
    ca: 'PEM',
    token: 'token-1',
    expiresAt: clock.now() + hourMs,
  });
});

test('functions elsewhere are told their own way to the API server, whose certificate is a public one', async () => {
  const { apiToken, told } = await aWorld('https://api.example.com');
  await apiToken.writeNow();
  expect(await told()).not.toHaveProperty('ca');
  expect((await told())?.server).toBe('https://api.example.com');
});

test('it is renewed every half minute, not before', async () => {
  const { apiToken, asked, clock, stop, told } = await aWorld();
  await apiToken.writeNow();
  void apiToken.keep(stop.signal);
  await clock.advance(29_000);
  expect(asked).toHaveLength(1);
  await clock.advance(2_000);
  await until(async () => (await told())?.token === 'token-2');
  expect(asked).toHaveLength(2);
});

test('a renewal that fails is tried again within seconds', async () => {
  const { apiToken, asked, clock, stop, world, told } = await aWorld();
  world.failing = true;
  await apiToken.writeNow();
  expect(await told()).toBeUndefined();
  void apiToken.keep(stop.signal);
  world.failing = false;
  await clock.advance(2_000);
  await until(async () => (await told())?.token === 'token-2');
  expect(asked).toHaveLength(2);
});

test('a store that was lost has it again with the next take-over', async () => {
  const { apiToken, notes, told } = await aWorld();
  await apiToken.writeNow();
  notes.clear();
  await apiToken.writeNow();
  expect((await told())?.token).toBe('token-2');
});

test('an account that was deleted and made anew locks the functions out until the next renewal', async () => {
  const server = await startApiUnderTest();
  const connection = connectionOf({ server: server.url, ca: server.caPem, token: server.adminToken });
  const clock = createFakeClock();
  const store = aNoteStore();
  const stored = storedConnection(store, key, clock.now);
  const stop = new AbortController();
  ends.push(() => {
    stop.abort();
    stored.close();
    connection.close();
    return server.close();
  });
  const account = { namespace: 'default', name: 'functions' };
  const make = () => server.client.create(serviceAccounts, account.namespace, { metadata: account });
  const { namespace, name: serviceAccount } = account;
  const known = () =>
    getObject(stored, '/api').then(
      () => true,
      ({ status }) => {
        expect(status).toBe(401);
        return false;
      },
    );

  await make();
  const apiToken = createApiToken({
    connection,
    store,
    namespace,
    serviceAccount,
    key,
    clock,
    log: silentLog,
  });
  await apiToken.writeNow();
  void apiToken.keep(stop.signal);
  expect(await known()).toBe(true);
  await server.client.delete(serviceAccounts, namespace, serviceAccount);
  await make();
  await until(async () => !(await known()));
  await clock.advance(31_000);
  await until(known);
});
