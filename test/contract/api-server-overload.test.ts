import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { startApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { isControlPlaneUnderTest, startControlPlaneUnderTest } from '../support/control-plane.ts';
import {
  clientOfApiServer,
  clientOfControlPlane,
  type Reply,
  type ServerUnderTest,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
/** Of a user that no rule spares. */
let token: string;
/** Asks until a call is refused for too many. */
let refused: () => Promise<Reply>;

const path = '/api/v1/namespaces/default/configmaps';

const inProcess = async (): Promise<void> => {
  const api: ApiServer = await startApiServer({ tokens: { 'of-a-user': { name: 'user', groups: [] } } });
  server = clientOfApiServer(api);
  token = 'of-a-user';
  refused = () => {
    api.faults.add(() => true, { kind: 'status', code: 429, retryAfterSeconds: 1 }, 1);
    return server.call('GET', path, { token });
  };
};

const real = async (): Promise<void> => {
  const controlPlane = await startControlPlaneUnderTest({
    controllers: false,
    apiServerFlags: { 'enable-priority-and-fairness': 'false', 'max-requests-inflight': '1' },
  });
  server = clientOfControlPlane(controlPlane);
  const body = { metadata: { name: 'user' } };
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body });
  const issued = await server.call('POST', '/api/v1/namespaces/default/serviceaccounts/user/token', {
    body: {},
  });
  token = JSON.parse(issued.text).status.token;
  refused = async () => {
    for (;;) {
      const replies = await Promise.all(
        Array.from({ length: 50 }, () => server.call('GET', path, { token })),
      );
      const found = replies.find(({ status }) => status === 429);
      if (found !== undefined) return found;
    }
  };
};

beforeAll(() => (isControlPlaneUnderTest ? real() : inProcess()));
afterAll(() => server?.close());

describe('a server that has too much to do', () => {
  it('answers 429, says when to come again, and nothing that is JSON', async () => {
    const { status, headers, text } = await refused();
    expect(status).toBe(429);
    expect(headers['retry-after']).toBe('1');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toBe('Too many requests, please try again later.\n');
  });
});
