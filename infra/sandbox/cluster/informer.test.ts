import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { createInformer } from './informer.ts';
import { type Pod, pods } from './objects.ts';
import { ApiError, type Transport } from './transport.ts';

const aPod = (name: string, version: number, uid = `uid-${name}`): Pod => ({
  metadata: { name, namespace: 'default', uid, resourceVersion: String(version), creationTimestamp: '' },
  spec: { containers: [] },
});

/** An API server of two answers: lists in turn, and watches that the test writes to. */
const aServer = (lists: { version: number; items: Pod[] }[]) => {
  const paths: string[] = [];
  const watches: PassThrough[] = [];
  let refuse = 0;
  const transport: Transport = {
    request: async <T>(_method: string, path: string): Promise<T> => {
      paths.push(path);
      const { version, items } = (lists.length > 1 ? lists.shift() : lists[0]) ?? { version: 0, items: [] };
      const answer: T = JSON.parse(JSON.stringify({ items, metadata: { resourceVersion: String(version) } }));
      return answer;
    },
    stream: async (path, signal) => {
      paths.push(path);
      if (refuse > 0) {
        refuse -= 1;
        throw new ApiError(410, 'Expired', 'too old');
      }
      const stream = new PassThrough();
      signal.addEventListener('abort', () => stream.destroy(new Error('aborted')));
      watches.push(stream);
      return stream as unknown as IncomingMessage;
    },
    close: () => undefined,
  };
  return {
    transport,
    paths,
    watches,
    refuseNext: (count: number) => {
      refuse = count;
    },
    send: (type: string, object: unknown) => watches.at(-1)?.write(`${JSON.stringify({ type, object })}\n`),
  };
};

const start = (server: ReturnType<typeof aServer>) => {
  const informer = createInformer(server.transport, pods, {
    indexes: { first: (pod) => [pod.metadata.name.slice(0, 1)] },
  });
  const changes: string[] = [];
  informer.onChange(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
  return { informer, changes };
};

describe('an informer', () => {
  it('lists, then follows the watch from there', async () => {
    const server = aServer([{ version: 5, items: [aPod('a', 3)] }]);
    const { informer, changes } = start(server);
    await informer.synced;
    await vi.waitFor(() => expect(server.watches).toHaveLength(1));
    expect(server.paths[1]).toContain('resourceVersion=5');
    server.send('ADDED', aPod('b', 6));
    server.send('MODIFIED', aPod('a', 7));
    server.send('DELETED', aPod('b', 8));
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'added b', 'modified a', 'deleted b']));
    expect(informer.by('first', 'a')).toEqual([aPod('a', 7)]);
    expect(informer.by('first', 'b')).toEqual([]);
    informer.close();
  });

  it('resumes where the watch ended, bookmarks included', async () => {
    const server = aServer([{ version: 5, items: [] }]);
    const { informer } = start(server);
    await vi.waitFor(() => expect(server.watches).toHaveLength(1));
    server.send('BOOKMARK', { metadata: { resourceVersion: '9' } });
    server.watches[0]?.end();
    await vi.waitFor(() => expect(server.watches).toHaveLength(2));
    expect(server.paths.at(-1)).toContain('resourceVersion=9');
    informer.close();
  });

  it('lists anew after 410 and reports what vanished', async () => {
    const server = aServer([
      { version: 5, items: [aPod('a', 3), aPod('b', 4)] },
      { version: 20, items: [aPod('b', 15)] },
    ]);
    server.refuseNext(1);
    const { informer, changes } = start(server);
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'added b', 'deleted a', 'modified b']));
    informer.close();
  });

  it('knows its own writes at once, and no older event undoes them', async () => {
    const server = aServer([{ version: 5, items: [aPod('a', 3)] }]);
    const { informer, changes } = start(server);
    await vi.waitFor(() => expect(server.watches).toHaveLength(1));
    informer.learn(aPod('b', 8));
    informer.learn(aPod('a', 9));
    informer.forget(aPod('b', 8));
    server.send('ADDED', aPod('b', 8));
    server.send('MODIFIED', aPod('a', 7));
    server.send('ADDED', aPod('c', 10));
    await vi.waitFor(() =>
      expect(changes).toEqual(['added a', 'added b', 'modified a', 'deleted b', 'added c']),
    );
    expect(informer.get('default', 'a')).toEqual(aPod('a', 9));
    informer.close();
  });

  it('takes an object of the same name and another UID for another one', async () => {
    const server = aServer([{ version: 5, items: [aPod('a', 3)] }]);
    const { informer, changes } = start(server);
    await vi.waitFor(() => expect(server.watches).toHaveLength(1));
    server.send('MODIFIED', aPod('a', 9, 'other'));
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'deleted a', 'added a']));
    informer.close();
  });
});
