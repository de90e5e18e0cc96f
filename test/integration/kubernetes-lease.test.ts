import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { record } from '../../shared/kubernetes/facts/read.ts';
import { holdLease, type LeaseHolder, type LeaseSettings } from '../../shared/kubernetes/lease.ts';
import { getObject, patchObject } from '../../shared/kubernetes/request.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { isControlPlaneUnderTest } from '../support/control-plane.ts';
import { type Line, startLine } from '../support/line.ts';

let server: ApiUnderTest;
let tokens: Readonly<Record<string, string>>;
const connections: Connection[] = [];
const holders: LeaseHolder[] = [];
/** Each identity has a way of its own, which can be cut. */
const lines = new Map<string, Line>();
let count = 0;

const identities = ['a', 'b', 'c', 'reader', 'other'];

beforeAll(async () => {
  server = await startApiUnderTest();
  const made = identities.map(async (identity): Promise<[string, string]> => {
    lines.set(identity, await startLine(server.url));
    return [identity, await server.administratorToken(identity)];
  });
  tokens = Object.fromEntries(await Promise.all(made));
});

afterEach(async () => {
  server.inProcess?.faults.clear();
  for (const line of lines.values()) line.down(false);
  await Promise.all(holders.splice(0).map((holder) => holder.stop()));
  for (const connection of connections.splice(0)) connection.close();
});

afterAll(async () => {
  for (const line of lines.values()) await line.close();
  await server?.close();
});

interface Contender {
  readonly holder: LeaseHolder;
  readonly log: string[];
}

const lineOf = (identity: string): Line => {
  const line = lines.get(identity);
  if (line === undefined) throw new Error(`nobody is called ${identity}`);
  return line;
};

const connect = (identity: string): Connection => {
  const token = tokens[identity];
  const connection = connectionOf({
    server: lineOf(identity).url,
    ca: server.caPem,
    ...(token === undefined ? {} : { token }),
  });
  connections.push(connection);
  return connection;
};

const contend = (identity: string, name: string, more: Partial<LeaseSettings> = {}): Contender => {
  const log: string[] = [];
  const holder = holdLease(connect(identity), {
    namespace: 'default',
    name,
    identity,
    durationMs: 1_000,
    renewMs: 250,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    onAcquired: () => log.push('acquired'),
    onLost: () => log.push('lost'),
    ...more,
  });
  holders.push(holder);
  return { holder, log };
};

const newName = (): string => {
  count += 1;
  return `lease-${count}`;
};

const pathOf = (name: string): string => `/apis/coordination.k8s.io/v1/namespaces/default/leases/${name}`;
const specOf = async (name: string) =>
  record(record(await getObject(connect('reader'), pathOf(name)))['spec']);
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 5 });

describe('lease', () => {
  it('is created, held and renewed in the form that others read', async () => {
    const name = newName();
    const a = contend('a', name);
    await until(() => expect(a.log).toEqual(['acquired']));
    expect(a.holder.held).toBe(true);
    const first = await specOf(name);
    expect(first).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 1, leaseTransitions: 0 });
    expect(first['renewTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await vi.waitFor(
      async () => expect((await specOf(name))['renewTime']).not.toBe(first['renewTime']),
      10_000,
    );
    expect((await specOf(name))['acquireTime']).toBe(first['acquireTime']);
  });

  it('has one holder among many, and the next at once when it is given up', async () => {
    const name = newName();
    const all = ['a', 'b', 'c'].map((identity) => contend(identity, name));
    await until(() => expect(all.filter(({ holder }) => holder.held)).toHaveLength(1));
    for (const end = Date.now() + 1_500; Date.now() < end; await systemClock.sleep(10)) {
      expect(all.filter(({ holder }) => holder.held).length).toBeLessThanOrEqual(1);
    }
    await until(() => expect(all.filter(({ holder }) => holder.held)).toHaveLength(1));
    const first = all.find(({ holder }) => holder.held);
    await first?.holder.stop();
    expect(first?.holder.held).toBe(false);
    await until(() => expect(all.filter(({ holder }) => holder.held)).toHaveLength(1));
    expect(first?.holder.held).toBe(false);
    expect(first?.log.at(-1)).toBe('acquired');
  });

  it('passes to another when its holder cannot renew, and only after that one knows it', async () => {
    const name = newName();
    const a = contend('a', name);
    await until(() => expect(a.holder.held).toBe(true));
    const order: string[] = [];
    const b = contend('b', name, { onAcquired: () => order.push(a.holder.held ? 'too early' : 'after') });
    lineOf('a').down(true);
    await until(() => expect(b.holder.held).toBe(true));
    expect(order).toEqual(['after']);
    expect(a.log).toEqual(['acquired', 'lost']);
    lineOf('a').down(false);
    await b.holder.stop();
    await until(() => expect(a.log).toEqual(['acquired', 'lost', 'acquired']));
  });

  it.skipIf(isControlPlaneUnderTest)(
    'is kept through a renewal of which only the answer was lost',
    async () => {
      const name = newName();
      const user = 'system:serviceaccount:default:a';
      const a = contend('a', name, { durationMs: 3_000 });
      await until(() => expect(a.holder.held).toBe(true));
      let met = 0;
      server.inProcess?.faults.add(
        (asked) => {
          const matches = asked.method === 'PUT' && asked.user === user;
          if (matches) met += 1;
          return matches;
        },
        { kind: 'cut-answer' },
        2,
      );
      await until(() => expect(met).toBe(2));
      const { renewTime } = await specOf(name);
      await vi.waitFor(async () => expect((await specOf(name))['renewTime']).not.toBe(renewTime), 10_000);
      expect(a.log).toEqual(['acquired']);
      expect(a.holder.held).toBe(true);
    },
  );

  it('is kept while others write labels on it', async () => {
    const name = newName();
    const a = contend('a', name, { durationMs: 3_000 });
    await until(() => expect(a.holder.held).toBe(true));
    const other = connect('other');
    for (let i = 0; i < 5; i += 1) {
      await patchObject(other, pathOf(name), { metadata: { labels: { i: String(i) } } });
      await systemClock.sleep(150);
    }
    expect(a.log).toEqual(['acquired']);
    expect(record(record(await getObject(other, pathOf(name)))['metadata'])['labels']).toEqual({ i: '4' });
  });

  it('is taken again at once by the same identity after a restart, not by another', async () => {
    const name = newName();
    const long = { durationMs: 60_000 };
    const a = contend('a', name, long);
    await until(() => expect(a.holder.held).toBe(true));
    lineOf('a').down(true);
    await a.holder.stop();
    expect((await specOf(name))['holderIdentity']).toBe('a');
    lineOf('a').down(false);
    const b = contend('b', name, long);
    const again = contend('a', name, long);
    await until(() => expect(again.holder.held).toBe(true));
    expect(b.holder.held).toBe(false);
  });

  it('does not believe the clocks of others: a holder whose times are years off keeps it while it renews', async () => {
    const name = newName();
    const slow = { durationMs: 2_000, renewMs: 200 };
    const wrong = { now: () => Date.now() - 1e11, sleep: systemClock.sleep };
    const a = contend('a', name, { ...slow, clock: wrong });
    await until(() => expect(a.holder.held).toBe(true));
    const b = contend('b', name, slow);
    await systemClock.sleep(2_600);
    expect(a.log).toEqual(['acquired']);
    expect(b.log).toEqual([]);
  });

  it('is lost for a process that was paused past its deadline, before it does anything more', async () => {
    const name = newName();
    let skipMs = 0;
    const a = contend('a', name, { monotonicMs: () => performance.now() + skipMs });
    await until(() => expect(a.holder.held).toBe(true));
    skipMs = 60_000;
    expect(a.holder.held).toBe(false);
    await until(() => expect(a.log).toEqual(['acquired', 'lost', 'acquired']));
  });
});
