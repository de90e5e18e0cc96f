import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Functions, InvocationRefused } from '../../functions/platform/functions.ts';
import { FunctionFailed } from '../../functions/platform/invoke/invocation.ts';
import { invokeLambda } from '../../functions/platform/invoke/lambda.ts';
import { invokeScf } from '../../functions/platform/invoke/scf.ts';
import type { FunctionsSettings } from '../../shared/process/config.ts';

const request = { invocationId: 'i-1', loadBalancerKeys: ['lb-1'] };
const answer = { results: [{ loadBalancerKey: 'lb-1', outcome: 'done' }] };

/** What a platform does with one invocation. */
type Script =
  | { readonly is: 'answer'; readonly text: string; readonly afterMs?: number }
  | { readonly is: 'error'; readonly said: object }
  | { readonly is: 'refused' | 'denied' | 'silent' };

interface Seen {
  readonly name: string;
  readonly event: unknown;
}

interface Platform {
  readonly name: string;
  readonly client: (settings: FunctionsSettings) => Functions;
  readonly see: (request: IncomingMessage, body: string) => Seen;
  readonly play: (response: ServerResponse, script: Script) => void;
}

const send = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

const lambda: Platform = {
  name: 'AWS Lambda',
  client: invokeLambda,
  see: ({ url = '' }, body) => ({
    name: decodeURIComponent(/functions\/([^/]+)\/invocations/.exec(url)?.[1] ?? ''),
    event: JSON.parse(body),
  }),
  play: (response, script) => {
    const fault = (status: number, type: string, message: string): void =>
      send(response, status, { Type: 'User', message }, { 'x-amzn-errortype': type });
    if (script.is === 'answer') send(response, 200, script.text);
    if (script.is === 'error') send(response, 200, script.said, { 'x-amz-function-error': 'Unhandled' });
    if (script.is === 'refused') fault(429, 'TooManyRequestsException', 'Rate Exceeded.');
    if (script.is === 'denied')
      fault(403, 'AccessDeniedException', 'not authorized to perform lambda:InvokeFunction');
  },
};

const scf: Platform = {
  name: 'Tencent SCF',
  client: (settings) => invokeScf(settings, () => ({ secretId: 'id', secretKey: 'key' })),
  see: (_request, body) => {
    const { FunctionName, ClientContext } = JSON.parse(body);
    return { name: FunctionName, event: JSON.parse(ClientContext) };
  },
  play: (response, script) => {
    const say = (fields: object): void => send(response, 200, { Response: { ...fields, RequestId: 'r-1' } });
    const fault = (Code: string, Message: string): void => say({ Error: { Code, Message } });
    if (script.is === 'answer') say({ Result: { InvokeResult: 0, ErrMsg: '', RetMsg: script.text } });
    if (script.is === 'error') {
      say({ Result: { InvokeResult: 430, ErrMsg: JSON.stringify(script.said), RetMsg: '' } });
    }
    if (script.is === 'refused') fault('RequestLimitExceeded', 'too many concurrent invocations');
    if (script.is === 'denied')
      fault('AuthFailure.UnauthorizedOperation', 'not authorized to perform scf:Invoke');
  },
};

/** A platform whose invocations go by a script, one after the other; the last one is played on. */
const aPlatform = async ({ see, play }: Platform) => {
  const seen: Seen[] = [];
  const scripts: Script[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    seen.push(see(incoming, body));
    const script = scripts.length > 1 ? scripts.shift() : scripts[0];
    if (script === undefined || script.is === 'silent') return;
    const afterMs = script.is === 'answer' ? (script.afterMs ?? 0) : 0;
    setTimeout(() => play(response, script), afterMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    seen,
    endpoint: `127.0.0.1:${address.port}`,
    will: (...next: Script[]) => void scripts.splice(0, scripts.length, ...next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

describe.each([lambda, scf])('$name', (platform) => {
  let world: Awaited<ReturnType<typeof aPlatform>>;
  const client = (more: Partial<FunctionsSettings> = {}): Functions =>
    platform.client({
      platform: 'lambda',
      reconcile: 'clb-direct-reconcile',
      readiness: 'clb-direct-readiness',
      region: 'ap-guangzhou',
      endpoint: world.endpoint,
      protocol: 'http',
      timeoutMs: 60_000,
      ...more,
    });

  beforeEach(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'SECRETEXAMPLE');
    // A proxy of the machine's is not for what is on the machine.
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    world = await aPlatform(platform);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await world.close();
  });

  test('the request is the event, the answer is read', async () => {
    world.will({ is: 'answer', text: JSON.stringify(answer) });
    expect(await client().reconcile(request)).toEqual(answer);
    const gates = { waiting: 1, opened: 0, againAfterMs: 1_000 };
    world.will({ is: 'answer', text: JSON.stringify(gates) });
    expect(await client().readiness({ invocationId: 'i-2', unheld: [] })).toEqual(gates);
    expect(world.seen).toEqual([
      { name: 'clb-direct-reconcile', event: request },
      { name: 'clb-direct-readiness', event: { invocationId: 'i-2', unheld: [] } },
    ]);
  });

  test('a function that failed is told with its own message, and not invoked again behind our back', async () => {
    world.will({
      is: 'error',
      said: { errorType: 'Error', errorMessage: 'There are no Tencent Cloud credentials.' },
    });
    const failed = client().reconcile(request);
    await expect(failed).rejects.toThrow(FunctionFailed);
    await expect(failed).rejects.toThrow(/clb-direct-reconcile failed: .*no Tencent Cloud credentials/);
    expect(world.seen).toHaveLength(1);
  });

  test('too many invocations are told as that, and not tried again behind our back', async () => {
    world.will({ is: 'refused' });
    await expect(client().reconcile(request)).rejects.toThrow(InvocationRefused);
    expect(world.seen).toHaveLength(1);
  });

  test('what will not change by itself is no such refusal', async () => {
    world.will({ is: 'denied' });
    const denied = client().reconcile(request);
    await expect(denied).rejects.toThrow(/not authorized/);
    await expect(denied).rejects.not.toThrow(InvocationRefused);
  });

  test('an answer that is none of ours is told, cut short', async () => {
    for (const text of ['null', '{"results":[{"outcome":"fine"}]}', '<html>', 'x'.repeat(10_000)]) {
      world.will({ is: 'answer', text });
      const failed: unknown = await client()
        .reconcile(request)
        .catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(FunctionFailed);
      expect(String(failed).length).toBeLessThan(450);
    }
  });

  test('a platform that says nothing is given up when the time is over', async () => {
    world.will({ is: 'silent' });
    const startedAt = Date.now();
    await expect(client({ timeoutMs: 1_000 }).reconcile(request)).rejects.toThrow();
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(900);
    expect(world.seen).toHaveLength(1);
  });

  test('an invocation that takes long is waited for: a connection on which nothing happens is not idle', async () => {
    world.will({ is: 'answer', text: JSON.stringify(answer), afterMs: 6_000 });
    expect(await client().reconcile(request)).toEqual(answer);
    expect(world.seen).toHaveLength(1);
  });
});
