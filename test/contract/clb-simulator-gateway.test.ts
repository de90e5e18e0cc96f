import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalRequest, dateOf, signature } from '../../infra/sandbox/clb/gateway/signature.ts';
import type { ClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { codeOf, type Fixture, failureOf, sdkClient, startFixture, until } from './clb-simulator-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

interface RawAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: {
    Response: { RequestId: string; Error?: { Code: string; Message: string }; TotalCount?: number };
  };
}

interface RawOptions {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly timestamp?: number;
  readonly signedHost?: string;
  readonly date?: string;
  readonly secretKey?: string;
  readonly secretId?: string;
  readonly service?: string;
  readonly simulator?: ClbSimulator;
  /** Goes away when all is sent, and waits for no answer. */
  readonly leaves?: boolean;
}

/** A call signed by hand, so that each part can be wrong by itself. */
const raw = ({
  method = 'POST',
  path = '/',
  body = '{}',
  simulator = fixture.simulator,
  ...options
}: RawOptions = {}): Promise<RawAnswer> => {
  const { url, region, secretId, secretKey } = simulator;
  const { host, hostname, port } = new URL(url);
  const timestamp = options.timestamp ?? Math.floor(Date.now() / 1000);
  const contentType = method === 'GET' ? 'application/x-www-form-urlencoded' : 'application/json';
  const scope = { date: options.date ?? dateOf(timestamp), service: options.service ?? 'clb' };
  const names = ['content-type', 'host'];
  const canonical = canonicalRequest(
    {
      method,
      query: path.split('?')[1] ?? '',
      headers: { host: options.signedHost ?? host, 'content-type': contentType },
      body: Buffer.from(body),
    },
    names,
  );
  const signed = signature(options.secretKey ?? secretKey, `${timestamp}`, scope, canonical).signature;
  const headers: Record<string, string | undefined> = {
    host,
    'content-type': contentType,
    'x-tc-action': 'DescribeLoadBalancers',
    'x-tc-version': '2018-03-17',
    'x-tc-region': region,
    'x-tc-timestamp': `${timestamp}`,
    authorization: `TC3-HMAC-SHA256 Credential=${options.secretId ?? secretId}/${scope.date}/${scope.service}/tc3_request, SignedHeaders=${names.join(';')}, Signature=${signed}`,
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'],
          retryAfter: response.headers['retry-after'],
          body: JSON.parse(text),
        }),
      );
    });
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) call.setHeader(name, value);
    }
    call.on('error', reject);
    if (options.leaves === true) call.once('finish', () => call.destroy());
    call.end(method === 'GET' ? undefined : body);
  });
};

const refusal = async (options: RawOptions): Promise<string | undefined> => {
  const answer = await raw(options);
  expect(answer.status).toBe(200);
  expect(answer.contentType).toBe('application/json');
  return answer.body.Response.Error?.Code;
};

describe('the gateway', () => {
  it('answers 200, application/json without a charset, and a UUID as RequestId', async () => {
    const answer = await raw();
    expect([answer.status, answer.contentType]).toEqual([200, 'application/json']);
    expect(answer.body.Response.TotalCount).toBe(0);
    expect(answer.body.Response.RequestId).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    );
  });

  it('takes the host signed with its port (Go, Python) and without it (Node), and any service of the scope', async () => {
    expect(await refusal({})).toBeUndefined();
    expect(await refusal({ signedHost: '127.0.0.1', service: '127' })).toBeUndefined();
    fixture.simulator.settings.strictService = true;
    expect(await refusal({ service: '127' })).toBe('AuthFailure.SignatureFailure');
    fixture.simulator.settings.strictService = false;
  });

  it('takes a GET with flattened parameters and numbers as text', async () => {
    expect(await refusal({ method: 'GET', path: '/?Limit=10&Offset=0' })).toBeUndefined();
    expect(await refusal({ method: 'GET', path: '/?Limit=1000' })).toBe('InvalidParameterValue.Range');
  });

  it.each<[string, RawOptions, string]>([
    ['another path', { path: '/v2' }, 'InvalidRequest'],
    ['another method', { method: 'PUT' }, 'InvalidRequest'],
    ['a body that is no JSON object', { body: '[]' }, 'InvalidParameter'],
    ['a body of more than 10 MB', { body: `{"a":"${'x'.repeat(10_500_000)}"}` }, 'RequestSizeLimitExceeded'],
    ['no Authorization', { headers: { authorization: undefined } }, 'AuthFailure.InvalidAuthorization'],
    ['Authorization SKIP', { headers: { authorization: 'SKIP' } }, 'AuthFailure.InvalidAuthorization'],
    ['no timestamp', { headers: { 'x-tc-timestamp': undefined } }, 'MissingParameter'],
    [
      'a timestamp too old',
      { timestamp: Math.floor(Date.now() / 1000) - 310 },
      'AuthFailure.SignatureExpire',
    ],
    [
      'a timestamp too new',
      { timestamp: Math.floor(Date.now() / 1000) + 320 },
      'AuthFailure.SignatureExpire',
    ],
    ['a scope of another day', { date: '2020-01-01' }, 'AuthFailure.SignatureFailure'],
    ['an unknown SecretId', { secretId: 'AKIDunknown' }, 'AuthFailure.SecretIdNotFound'],
    ['a malformed SecretId', { secretId: 'AK-ID' }, 'AuthFailure.InvalidSecretId'],
    ['a wrong SecretKey', { secretKey: 'wrong' }, 'AuthFailure.SignatureFailure'],
    ['another host signed', { signedHost: 'clb.tencentcloudapi.com' }, 'AuthFailure.SignatureFailure'],
    ['another version', { headers: { 'x-tc-version': '2023-04-17' } }, 'NoSuchVersion'],
    ['an unknown action', { headers: { 'x-tc-action': 'DescribeRules' } }, 'InvalidAction'],
    ['no region', { headers: { 'x-tc-region': undefined } }, 'MissingParameter'],
    ['an unknown region', { headers: { 'x-tc-region': 'ap-nowhere' } }, 'InvalidParameterValue'],
    ['an unknown parameter', { body: '{"Limits":1}' }, 'UnknownParameter'],
  ])('refuses %s', async (_, options, code) => {
    expect(await refusal(options)).toBe(code);
  });

  it('says what the real one says', async () => {
    const message = async (options: RawOptions): Promise<string | undefined> =>
      (await raw(options)).body.Response.Error?.Message;
    expect(await message({ secretKey: 'wrong' })).toBe(
      'The provided credentials could not be validated. Please check your signature is correct.',
    );
    expect(await message({ headers: { 'x-tc-action': 'X' } })).toBe(
      'The request action=`X` is invalid or not found in service=`clb` and version=`2018-03-17`.',
    );
    expect(await message({ headers: { 'x-tc-region': 'ap-nowhere' } })).toBe(
      'A value specified in `X-TC-Region` is not valid, is unsupported, or cannot be used.',
    );
    expect(await message({ body: '{"Filters":[]}' })).toBe(
      'The value `[]` specified in the parameter `Filters` is not valid.',
    );
  });

  it('another region of the account knows nothing of this one', async () => {
    const { id } = await fixture.createLoadBalancer();
    const other = sdkClient(fixture.simulator, { region: 'ap-shanghai' });
    expect((await other.DescribeLoadBalancers({})).TotalCount).toBe(0);
    expect(await codeOf(other.DescribeListeners({ LoadBalancerId: id }))).toBe(
      'InvalidParameter.LBIdNotFound',
    );
  });

  it('temporary keys need their token while it lives', async () => {
    const { simulator } = fixture;
    const keys = { secretId: 'AKIDtemporary', secretKey: 'temporaryKey' };
    simulator.addCredential({ ...keys, token: 'right' });
    expect((await sdkClient(simulator, { ...keys, token: 'right' }).DescribeQuota()).QuotaSet).toHaveLength(
      8,
    );
    expect(await codeOf(sdkClient(simulator, { ...keys, token: 'wrong' }).DescribeQuota())).toBe(
      'AuthFailure.TokenFailure',
    );
    simulator.addCredential({ ...keys, token: 'right', expiresAtMs: Date.now() - 1 });
    expect(await codeOf(sdkClient(simulator, { ...keys, token: 'right' }).DescribeQuota())).toBe(
      'AuthFailure.TokenFailure',
    );
  });

  it('a key that may only read is told which action it may not call', async () => {
    const { simulator } = fixture;
    const keys = { secretId: 'AKIDreader', secretKey: 'readerKey' };
    simulator.addCredential({ ...keys, allowedActions: ['DescribeQuota'] });
    const client = sdkClient(simulator, keys);
    await client.DescribeQuota();
    const failure = await failureOf(client.CreateLoadBalancer({ LoadBalancerType: 'OPEN' }));
    expect(failure.code).toBe('UnauthorizedOperation');
    expect(failure.message).toContain('you are not authorized to perform operation (clb:CreateLoadBalancer)');
  });

  it('a throttled call is not told when to come again, unless that is set', async () => {
    const { simulator } = fixture;
    simulator.faults.inject({ effect: { kind: 'throttle' } });
    expect((await raw()).retryAfter).toBeUndefined();
    simulator.settings.retryAfterSeconds = 2;
    expect((await raw()).retryAfter).toBe('2');
    simulator.settings.retryAfterSeconds = 0;
    simulator.faults.clear();
  });

  it('throttles the 21st call of an action in a second, and no other action or key', async () => {
    const { simulator } = fixture;
    simulator.settings.callsPerSecond = 20;
    simulator.addCredential({ secretId: 'AKIDsecond', secretKey: 'secondKey' });
    const second = sdkClient(simulator, { secretId: 'AKIDsecond', secretKey: 'secondKey' });
    try {
      const messages = async (): Promise<string[]> => {
        const calls = Array.from({ length: 60 }, () => fixture.client.DescribeQuota());
        const outcomes = await Promise.allSettled(calls);
        const refused = calls.filter((_, at) => outcomes[at]?.status === 'rejected');
        const failures = await Promise.all(refused.map(failureOf));
        for (const { code } of failures) expect(code).toBe('RequestLimitExceeded');
        return failures.map(({ message }) => message);
      };
      // A burst may be spread over several windows by a busy machine; some burst is not.
      const messagesOfBurst = await until('a burst within a second', async () => {
        const found = await messages();
        return found.length >= 20 && found;
      });
      expect(messagesOfBurst).toContain(
        'Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second. Please reduce the frequency of calls.',
      );
      await second.DescribeQuota();
      await fixture.client.DescribeLoadBalancers({});
    } finally {
      simulator.settings.callsPerSecond = 1_000;
    }
  });
});

describe('a caller that goes away', () => {
  const defects: Error[] = [];
  let slow: Fixture;
  beforeAll(async () => {
    // A second of real time for each call.
    slow = await startFixture({
      settings: { apiLatencyMs: [100_000, 100_000] },
      onDefect: (defect) => void defects.push(defect),
    });
  });
  afterAll(() => slow.close());

  it('after all was sent has called: what it asked for is done', async () => {
    const { simulator } = slow;
    const body = JSON.stringify({ LoadBalancerType: 'OPEN', LoadBalancerName: 'left' });
    const headers = { 'x-tc-action': 'CreateLoadBalancer' };
    await expect(raw({ simulator, body, headers, leaves: true })).rejects.toThrow('socket hang up');
    await until('the call is recorded', async () => simulator.calls.length === 1);
    expect(simulator.calls).toMatchObject([{ action: 'CreateLoadBalancer', code: 'OK' }]);
    expect(simulator.state().loadBalancers.map(({ name }) => name)).toEqual(['left']);
    expect(defects).toEqual([]);
  });

  it('before all was sent has not called', async () => {
    const { simulator } = slow;
    const before = simulator.calls.length;
    const { hostname, port, host } = new URL(simulator.url);
    await new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.end(
          `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        );
      });
      socket.on('error', resolve).on('close', resolve).resume();
    });
    expect((await raw({ simulator })).status).toBe(200);
    expect(simulator.calls.slice(before)).toMatchObject([{ action: 'DescribeLoadBalancers', code: 'OK' }]);
    expect(defects).toEqual([]);
  });
});
