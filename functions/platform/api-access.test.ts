import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { SealError } from '../../shared/process/seal.ts';
import { readApiAccess, storedConnection, writeApiAccess } from './api-access.ts';

const key = randomBytes(32);
const hourMs = 3_600_000;

/** A store with notes only; it counts how often it is read. */
const aStore = () => {
  const notes = new Map<string, string>();
  let reads = 0;
  return {
    notes,
    reads: () => reads,
    writeNote: async (name: string, text: string) => void notes.set(name, text),
    readNote: async (name: string) => {
      reads += 1;
      return notes.get(name);
    },
  };
};

const aWorld = async () => {
  const clock = createFakeClock();
  const store = aStore();
  const write = (token: string, server = 'https://10.0.0.1:6443') =>
    writeApiAccess(store, { server, ca: 'PEM', token, expiresAt: clock.now() + hourMs }, key);
  await write('first-token');
  return { clock, store, write, connection: storedConnection(store, key, clock.now) };
};

test('the store’s text tells neither token nor address', async () => {
  const { store } = await aWorld();
  const text = [...store.notes.values()].join();
  for (const form of [text, Buffer.from(text, 'base64').toString('latin1')]) {
    for (const told of ['first-token', '10.0.0.1', 'PEM']) expect(form).not.toContain(told);
  }
});

test('another key than the forwarder’s is told as that', async () => {
  const { store } = await aWorld();
  await expect(readApiAccess(store, randomBytes(32))).rejects.toThrow(SealError);
});

test('the store is read once, and again when the token nears its end', async () => {
  const { clock, store, write, connection } = await aWorld();
  expect(await connection.credentials.token()).toBe('first-token');
  expect(connection.server.href).toBe('https://10.0.0.1:6443/');
  await write('second-token');
  expect(await connection.credentials.token()).toBe('first-token');
  expect(store.reads()).toBe(1);
  await clock.advance(hourMs - 30_000);
  expect(await connection.credentials.token()).toBe('second-token');
  expect(store.reads()).toBe(2);
});

test('a token that was refused is read again, at once and once', async () => {
  const { store, write, connection } = await aWorld();
  await connection.credentials.token();
  await write('second-token');
  expect(connection.credentials.reload()).toBe(true);
  expect(await connection.credentials.token()).toBe('second-token');
  await connection.credentials.token();
  expect(store.reads()).toBe(2);
});

test('an API server that moved is followed', async () => {
  const { write, connection } = await aWorld();
  await connection.credentials.token();
  const before = connection.agent;
  await write('second-token', 'https://10.0.0.2:6443');
  connection.credentials.reload();
  await connection.credentials.token();
  expect(connection.server.href).toBe('https://10.0.0.2:6443/');
  expect(connection.agent).not.toBe(before);
});

test('before the forwarder has written, that is what is said', async () => {
  const connection = storedConnection(aStore(), key, () => 0);
  await expect(connection.credentials.token()).rejects.toThrow(/forwarder has not told/);
});
