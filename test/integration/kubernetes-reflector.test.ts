import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Change } from '../../shared/kubernetes/change.ts';
import { record, text } from '../../shared/kubernetes/facts/read.ts';
import { type Reflector, type ReflectorTiming, startReflector } from '../../shared/kubernetes/reflector.ts';
import type { Clock } from '../../shared/model/clock.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import {
  json,
  refuse,
  type ScriptedServer,
  type SeenRequest,
  send,
  startScriptedServer,
  stream,
} from './kubernetes-scripted-server.ts';

const path = '/api/v1/pods';

const pod = (uid: string, resourceVersion: string, value = 'v') => ({
  metadata: { namespace: 'n', name: uid, uid, resourceVersion },
  value,
});
const added = (uid: string, resourceVersion: string, value?: string) => ({
  type: 'ADDED',
  object: pod(uid, resourceVersion, value),
});
const modified = (uid: string, resourceVersion: string, value?: string) => ({
  ...added(uid, resourceVersion, value),
  type: 'MODIFIED',
});
const deleted = (uid: string, resourceVersion: string) => ({
  ...added(uid, resourceVersion),
  type: 'DELETED',
});
const bookmark = (resourceVersion: string, initialEventsEnd = false) => ({
  type: 'BOOKMARK',
  object: {
    metadata: {
      resourceVersion,
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  },
});
const page = (resourceVersion: string, items: readonly unknown[], next?: string) => ({
  kind: 'PodList',
  metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) },
  items,
});

type Kind = 'streaming-list' | 'list' | 'watch' | 'probe';
const kindOf = ({ query }: SeenRequest): Kind => {
  if (query.get('sendInitialEvents') === 'true') return 'streaming-list';
  if (query.get('watch') !== null) return 'watch';
  return query.get('limit') === '1' ? 'probe' : 'list';
};

type Step = readonly [Kind, (response: ServerResponse, request: SeenRequest) => void];

const running: { server?: ScriptedServer; reflector?: Reflector; wrong?: readonly string[] } = {};

afterEach(async () => {
  await running.reflector?.stop();
  await running.server?.close();
  expect(running.wrong).toEqual([]);
});

/** Pauses are a tenth as long. */
const fastClock: Clock = { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) };

/** Answers step after step, each a request of that kind; the last step answers all that follow of its kind. */
const follow = async (steps: readonly Step[], timing: Partial<ReflectorTiming> = {}) => {
  const left = [...steps];
  const wrong: string[] = [];
  const server = await startScriptedServer((response, request) => {
    const kind = kindOf(request);
    const [expected, answer] = left[0] ?? [];
    if (expected !== kind || answer === undefined) {
      wrong.push(`${kind} instead of ${expected}`);
      return refuse(response, 500, 'OutOfScript');
    }
    if (left.length > 1) left.shift();
    return answer(response, request);
  });
  const log: string[] = [];
  const changes: Change<string>[] = [];
  const reflector = startReflector<string>(server.connection, {
    path,
    parse: (object) => {
      const value = text(record(object)['value']) ?? '';
      if (value === 'bad') return { dropped: 'bad' };
      const name = text(record(record(object)['metadata'])['name']);
      return { fact: `${name}=${value}` };
    },
    onChange: (change) => {
      changes.push(change);
      log.push(change.type === 'set' ? `set ${change.fact}` : `gone ${change.fact}`);
      if (change.fact.includes('throw')) throw new Error('handler');
    },
    log: silentLog,
    clock: fastClock,
    random: Math.random,
    timing: { idleMs: 20_000, ...timing },
  });
  Object.assign(running, { server, reflector, wrong });
  return { server, reflector, log, changes, kinds: () => server.seen.map(kindOf) };
};

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 5 });

const synced: Step = [
  'streaming-list',
  (response) => stream(response, added('a', '1'), added('b', '2'), bookmark('10', true)),
];
const quiet: Step = ['watch', (response) => stream(response)];

describe('reflector', () => {
  it('lists by a stream, is synced at its end, and goes on watching in it', async () => {
    let live: ServerResponse | undefined;
    const { server, reflector, log } = await follow([
      [
        'streaming-list',
        (response) => {
          live = response;
          stream(response, added('a', '1'), added('b', '2'));
        },
      ],
    ]);
    let isSynced = false;
    const syncing = reflector.synced.then(() => {
      isSynced = true;
    });
    await until(() => expect(log).toEqual(['set a=v', 'set b=v']));
    expect(isSynced).toBe(false);
    if (live) send(live, bookmark('10', true), modified('a', '11', 'w'), deleted('b', '12'));
    await syncing;
    await until(() => expect(log.slice(2)).toEqual(['set a=w', 'gone b=v']));
    expect(reflector.lastSyncedResourceVersion).toBe('12');
    const [request] = server.seen;
    expect(server.seen).toHaveLength(1);
    expect(request?.headers.authorization).toBe('Bearer secret-token');
    expect(Object.fromEntries(request?.query ?? [])).toMatchObject({
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
    expect(request?.query.has('resourceVersion')).toBe(false);
    const seconds = Number(request?.query.get('timeoutSeconds'));
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThanOrEqual(600);
  });

  it.each([
    [400, 'BadRequest'],
    [422, 'Invalid'],
  ])(
    'lists by pages, read consistently, where the server refuses streaming lists (%i)',
    async (status, reason) => {
      const { server, reflector, log, kinds } = await follow([
        ['streaming-list', (response) => refuse(response, status, reason)],
        ['list', (response) => json(response, 200, page('10', [pod('a', '1')], 'next'))],
        ['list', (response) => json(response, 200, page('10', [pod('b', '2')]))],
        ['watch', (response) => stream(response, modified('a', '11', 'w'))],
      ]);
      await reflector.synced;
      await until(() => expect(log).toEqual(['set a=v', 'set b=v', 'set a=w']));
      expect(kinds()).toEqual(['streaming-list', 'list', 'list', 'watch']);
      const [, first, second, watch] = server.seen;
      expect(Object.fromEntries(first?.query ?? [])).toEqual({ limit: '500' });
      expect(Object.fromEntries(second?.query ?? [])).toEqual({ limit: '500', continue: 'next' });
      expect(watch?.query.get('resourceVersion')).toBe('10');
    },
  );

  it('lists by pages next where a stream of initial events never comes to its end', async () => {
    const { reflector, kinds } = await follow(
      [
        ['streaming-list', (response) => stream(response, added('a', '1'))],
        ['list', (response) => json(response, 200, page('10', [pod('a', '1')]))],
        quiet,
      ],
      { idleMs: 150 },
    );
    await reflector.synced;
    expect(kinds().slice(0, 2)).toEqual(['streaming-list', 'list']);
  });

  it('resumes at the last bookmark or event after the server ended the watch, without telling anything twice', async () => {
    const { server, log, reflector } = await follow([
      [
        'streaming-list',
        (response) => {
          stream(response, added('a', '1'), bookmark('10', true), modified('a', '11', 'w'), bookmark('20'));
          response.end();
        },
      ],
      [
        'watch',
        (response) => {
          stream(response, modified('a', '11', 'w'), modified('a', '21', 'x'), modified('a', '21', 'x'));
          response.end();
        },
      ],
      quiet,
    ]);
    await until(() => expect(server.seen).toHaveLength(3));
    expect(server.seen[1]?.query.get('resourceVersion')).toBe('20');
    expect(server.seen[2]?.query.get('resourceVersion')).toBe('21');
    expect(log).toEqual(['set a=v', 'set a=w', 'set a=x']);
    expect(reflector.counters).toMatchObject({ lists: 1, restarts: { ended: 2 } });
  });

  const expired: readonly (readonly [string, Step])[] = [
    ['an answer', ['watch', (response) => refuse(response, 410, 'Expired')]],
    [
      'an ERROR event',
      [
        'watch',
        (response) =>
          stream(response, { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }),
      ],
    ],
  ];
  it.each(expired)(
    'lists anew after 410 as %s; what a consistent list lacks is gone (L5)',
    async (_, gone) => {
      const { log, changes, reflector, kinds } = await follow([
        [
          'streaming-list',
          (response) => {
            stream(response, added('a', '1'), added('b', '2'), added('c', '3'), bookmark('10', true));
            response.end();
          },
        ],
        gone,
        [
          'streaming-list',
          (response) => stream(response, added('a', '1'), added('c', '30', 'w'), bookmark('40', true)),
        ],
      ]);
      await until(() => expect(log).toHaveLength(5));
      expect(log.slice(3)).toEqual(['set c=w', 'gone b=v']);
      expect(changes[4]).toEqual({ type: 'gone', uid: 'b', fact: 'b=v', consistent: true });
      expect(kinds()).toEqual(['streaming-list', 'watch', 'streaming-list']);
      expect(reflector.counters).toMatchObject({ lists: 2, restarts: { expired: 1 } });
    },
  );

  it('takes nothing as gone when a relist breaks off, however often (L5)', async () => {
    const { log, reflector } = await follow([
      synced,
      ['watch', (response) => refuse(response, 410, 'Expired')],
      [
        'streaming-list',
        (response) => {
          stream(response, added('a', '1'));
          setTimeout(() => response.destroy(), 20);
        },
      ],
      ['streaming-list', (response) => refuse(response, 500, 'InternalError')],
      [
        'streaming-list',
        (response) => stream(response, added('a', '1'), added('b', '2'), bookmark('30', true)),
      ],
    ]);
    await reflector.synced;
    running.server?.reset();
    await until(() => expect(reflector.lastSyncedResourceVersion).toBe('30'));
    expect(log).toEqual(['set a=v', 'set b=v']);
  });

  it('starts the pages over when their moment is forgotten (410), and an answer that is no list is no evidence', async () => {
    const { log, reflector, kinds } = await follow([
      ['streaming-list', (response) => refuse(response, 400, 'BadRequest')],
      ['list', (response) => json(response, 200, page('10', [pod('a', '1'), pod('b', '1')]))],
      ['watch', (response) => refuse(response, 410, 'Expired')],
      ['list', (response) => json(response, 200, page('20', [pod('a', '1')], 'next'))],
      ['list', (response) => refuse(response, 410, 'Expired')],
      ['list', (response) => json(response, 200, { hello: 'from a captive portal' })],
      ['list', (response) => json(response, 200, page('30', [pod('a', '1'), pod('b', '1')]))],
      quiet,
    ]);
    await until(() => expect(reflector.lastSyncedResourceVersion).toBe('30'));
    expect(log).toEqual(['set a=v', 'set b=v']);
    expect(kinds().filter((kind) => kind === 'list')).toHaveLength(5);
  });

  it('drops a line that was cut with the connection, and resumes before it', async () => {
    const { server, log } = await follow([
      synced,
      [
        'watch',
        (response) => {
          stream(response, modified('a', '11', 'w'));
          response.write(JSON.stringify(modified('b', '12', 'é')).slice(0, -9));
          setTimeout(() => response.destroy(), 20);
        },
      ],
      ['watch', (response) => stream(response, modified('b', '12', 'é'))],
    ]);
    await until(() => expect(log).toHaveLength(2));
    server.reset();
    await until(() => expect(log).toEqual(['set a=v', 'set b=v', 'set a=w', 'set b=é']));
    expect(server.seen[2]?.query.get('resourceVersion')).toBe('11');
  });

  it('cuts a watch that fell silent and resumes', async () => {
    const { log, reflector } = await follow(
      [synced, quiet, ['watch', (response) => stream(response, modified('a', '11', 'w'))]],
      { idleMs: 150 },
    );
    await until(() => expect(log).toContain('set a=w'));
    expect(reflector.counters.restarts.idle).toBeGreaterThanOrEqual(2);
    expect(reflector.counters.lists).toBe(1);
  });

  it('lists anew after a line that is no event: it may have been any change', async () => {
    const { log, kinds } = await follow([
      [
        'streaming-list',
        (response) => {
          stream(response, added('a', '1'), bookmark('10', true), modified('a', '11', 'w'));
          response.write('{"type":"MODIFIED","object":{"metad\n');
        },
      ],
      ['streaming-list', (response) => stream(response, added('a', '12', 'x'), bookmark('20', true))],
    ]);
    await until(() => expect(log).toEqual(['set a=v', 'set a=w', 'set a=x']));
    expect(kinds()).toEqual(['streaming-list', 'streaming-list']);
  });

  it('honours Retry-After', async () => {
    let refusedAt = 0;
    let cameAt = 0;
    const { reflector } = await follow([
      [
        'streaming-list',
        (response) => {
          refusedAt = Date.now();
          refuse(response, 429, 'TooManyRequests', { retryAfter: '1' });
        },
      ],
      [
        'streaming-list',
        (response) => {
          cameAt = Date.now();
          stream(response, bookmark('10', true));
        },
      ],
    ]);
    await reflector.synced;
    expect(cameAt - refusedAt).toBeGreaterThanOrEqual(99);
    expect(reflector.counters.restarts.throttled).toBe(1);
  });

  it('goes on through 500 and through a place that the server refuses for ever', async () => {
    const { reflector, log } = await follow([
      synced,
      ['watch', (response) => refuse(response, 504, 'Timeout')],
      ['watch', (response) => refuse(response, 500, 'InternalError')],
      ['watch', (response) => refuse(response, 504, 'Timeout')],
      ['streaming-list', (response) => stream(response, added('a', '1'), bookmark('5', true))],
    ]);
    await reflector.synced;
    running.server?.reset();
    await until(() => expect(reflector.lastSyncedResourceVersion).toBe('5'));
    expect(log).toEqual(['set a=v', 'set b=v', 'gone b=v']);
  });

  it('an object that cannot be read, or a change that cannot be handled, concerns only itself (L12)', async () => {
    const { log, reflector } = await follow([
      [
        'streaming-list',
        (response) =>
          stream(
            response,
            added('a', '1', 'bad'),
            added('b', '2', 'throw'),
            added('c', '3'),
            {
              type: 'ADDED',
              object: null,
            },
            bookmark('10', true),
            modified('a', '11'),
          ),
      ],
    ]);
    await until(() => expect(log).toEqual(['set b=throw', 'set c=v', 'set a=v']));
    expect(reflector.counters).toMatchObject({ unreadable: 2, handlerFailures: 1 });
  });

  it('counts a resource that is not served as empty, and takes it up when it is', async () => {
    const { reflector, log } = await follow([
      ['streaming-list', (response) => refuse(response, 404, 'NotFound')],
      ['probe', (response) => refuse(response, 404, 'NotFound')],
      ['streaming-list', (response) => stream(response, added('a', '1'), bookmark('10', true))],
    ]);
    await reflector.synced;
    await reflector.catchUp();
    await until(() => expect(log).toEqual(['set a=v']));
  });

  it('never takes 404 as evidence once it knew objects (L5)', async () => {
    const { reflector, log } = await follow([
      synced,
      ['watch', (response) => refuse(response, 410, 'Expired')],
      ['streaming-list', (response) => refuse(response, 404, 'NotFound')],
      [
        'streaming-list',
        (response) => stream(response, added('a', '1'), added('b', '2'), bookmark('30', true)),
      ],
    ]);
    await reflector.synced;
    running.server?.reset();
    await until(() => expect(reflector.lastSyncedResourceVersion).toBe('30'));
    expect(log).toEqual(['set a=v', 'set b=v']);
  });

  it('a server that is away is noticed soon after it is back', async () => {
    const { server, reflector, log } = await follow([
      synced,
      ['watch', (r) => stream(r, modified('a', '11'))],
    ]);
    await reflector.synced;
    server.reset();
    await until(() => expect(log).toHaveLength(3));
    expect(reflector.counters.restarts.unreachable).toBe(1);
  });

  describe('what a new leader waits for', () => {
    it('passes as soon as the watch has told it', async () => {
      let live: ServerResponse | undefined;
      const { reflector, kinds } = await follow(
        [
          [
            'streaming-list',
            (response) => {
              live = response;
              stream(response, added('a', '1'), bookmark('10', true));
            },
          ],
          ['probe', (response) => json(response, 200, page('12', [pod('a', '1')], 'more'))],
        ],
        { quietMs: 600_000 },
      );
      await reflector.synced;
      await reflector.passed('10');
      let passed = false;
      const passing = reflector.catchUp().then(() => {
        passed = true;
      });
      await until(() => expect(kinds()).toEqual(['streaming-list', 'probe']));
      if (live) send(live, modified('a', '11'));
      await until(() => expect(reflector.lastSyncedResourceVersion).toBe('11'));
      expect(passed).toBe(false);
      if (live) send(live, bookmark('12'));
      await passing;
      expect(reflector.counters.lists).toBe(1);
    });

    it('lists anew instead of waiting for a watch that is quiet', async () => {
      const { reflector, log, kinds } = await follow(
        [
          synced,
          ['probe', (response) => json(response, 200, page('50', []))],
          ['streaming-list', (response) => stream(response, added('b', '2'), bookmark('50', true))],
        ],
        { quietMs: 200 },
      );
      await reflector.synced;
      await reflector.catchUp();
      expect(log).toEqual(['set a=v', 'set b=v', 'gone a=v']);
      expect(kinds()).toEqual(['streaming-list', 'probe', 'streaming-list']);
      expect(reflector.counters.restarts.asked).toBe(1);
    });

    it('is not satisfied by a list that began before it asked', async () => {
      let first: ServerResponse | undefined;
      const { reflector, kinds } = await follow(
        [
          [
            'streaming-list',
            (response) => {
              first = response;
              stream(response, added('a', '1'));
            },
          ],
          ['streaming-list', (response) => stream(response, added('a', '1'), bookmark('50', true))],
        ],
        { quietMs: 200 },
      );
      await until(() => expect(reflector.counters.events).toBe(1));
      let passed = false;
      const passing = reflector.passed('50').then(() => {
        passed = true;
      });
      await systemClock.sleep(60);
      if (first) send(first, bookmark('40', true));
      await reflector.synced;
      expect(passed).toBe(false);
      await passing;
      expect(kinds()).toEqual(['streaming-list', 'streaming-list']);
    });
  });

  it('tells nothing more once stopped, and rejects who still waits', async () => {
    let live: ServerResponse | undefined;
    const { reflector, log } = await follow([
      [
        'streaming-list',
        (response) => {
          live = response;
          stream(response, added('a', '1'));
        },
      ],
    ]);
    await until(() => expect(log).toHaveLength(1));
    const passing = reflector.passed('99');
    const rejected = Promise.all([
      expect(reflector.synced).rejects.toThrow('stopped'),
      expect(passing).rejects.toThrow('stopped'),
    ]);
    await reflector.stop();
    await rejected;
    if (live) send(live, added('b', '2'), bookmark('10', true));
    await expect(reflector.catchUp()).rejects.toThrow();
    expect(log).toHaveLength(1);
  });
});
