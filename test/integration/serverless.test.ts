import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCredentials, readSettings, settingDocs } from '../../shared/process/config.ts';
import { unzip } from '../support/zip.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const osls = join(root, 'node_modules', 'osls', 'bin', 'serverless.js');
const run = promisify(execFile);

/** Whoever deploys may have all of these around; none of them may end up in what is made. */
const secretsAround = {
  CLB_DIRECT_REDIS_URL: 'redis://:redis-password-around@redis.internal:6379',
  CLB_DIRECT_TOKEN_KEY: 'dG9rZW4ta2V5LWFyb3VuZC10b2tlbi1rZXktYXJvdW4=',
  TENCENTCLOUD_SECRET_ID: 'AKIDsecretIdAround',
  TENCENTCLOUD_SECRET_KEY: 'secretKeyAround',
};
/** What the secret in Secrets Manager holds. */
const secret = {
  redisUrl: 'rediss://:password@redis.internal:6379',
  tokenKey: Buffer.alloc(32, 7).toString('base64'),
  secretId: 'AKIDfunction',
  secretKey: 'functionKey',
};

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

interface Template {
  readonly Parameters: Readonly<
    Record<string, { readonly Default?: string; readonly AllowedPattern?: string }>
  >;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
}

const folder = mkdtempSync(join(tmpdir(), 'clb-direct-serverless-'));
const packed = join(folder, 'packed');
let template: Template;
let given: ReadonlyMap<string, string>;

/** @throws with what it said, when it fails */
const packageInto = async (target: string, more: readonly string[] = []): Promise<void> => {
  await run(process.execPath, [osls, 'package', '--package', target, ...more], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      // Neither a configuration of AWS nor a way out: whatever would ask for them fails.
      HOME: folder,
      HTTPS_PROXY: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
      ...secretsAround,
    },
  });
};

beforeAll(async () => {
  await packageInto(packed, ['--param=clusterId=prod', '--param=clbRegion=ap-guangzhou']);
  template = JSON.parse(readFileSync(join(packed, 'cloudformation-template-update-stack.json'), 'utf8'));
  const state: {
    service: { provider: { stackParameters: { ParameterKey: string; ParameterValue: string }[] } };
  } = JSON.parse(readFileSync(join(packed, 'serverless-state.json'), 'utf8'));
  given = new Map(
    state.service.provider.stackParameters.map(({ ParameterKey, ParameterValue }) => [
      ParameterKey,
      ParameterValue,
    ]),
  );
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const resource = (name: string): Resource => {
  const found = template.Resources[name];
  if (found === undefined) throw new Error(`The template has no ${name}.`);
  return found;
};

/** A value of the template as CloudFormation would fill it in. */
const resolved = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const { Ref: parameter, 'Fn::Sub': text }: { Ref?: unknown; 'Fn::Sub'?: unknown } = Object(value);
  if (typeof parameter === 'string') return given.get(parameter) ?? '';
  if (typeof text !== 'string') throw new Error(`What is ${JSON.stringify(value)}?`);
  const [, name, member] = /^\{\{resolve:secretsmanager:\$\{(\w+)\}:SecretString:(\w+)\}\}$/.exec(text) ?? [];
  expect(given.get(name ?? ''), `the secret's name in ${text}`).toBe('clb-direct');
  const [, found] = Object.entries(secret).find(([key]) => key === member) ?? [];
  if (found === undefined) throw new Error(`The secret has no ${member}.`);
  return found;
};

const environmentOf = (name: string): Readonly<Record<string, unknown>> => {
  const { Variables }: { Variables?: unknown } = Object(resource(name).Properties['Environment']);
  return Object(Variables);
};

const defaultOf = (setting: string): number =>
  Number(settingDocs.find(({ name }) => name === setting)?.default ?? Number.NaN);

const functions = [
  { part: 'reconcile', id: 'ReconcileLambdaFunction' },
  { part: 'readiness', id: 'ReadinessLambdaFunction' },
] as const;

describe.each(functions)('the $part function', ({ part, id }) => {
  const bundle = `dist/functions/${part}/function.cjs`;

  test('runs the bundle that the build makes, under the name that the forwarder invokes', () => {
    const { Type, Properties } = resource(id);
    expect(Type).toBe('AWS::Lambda::Function');
    expect(Properties).toMatchObject({
      FunctionName: settingDocs.find(({ name }) => name === `CLB_DIRECT_${part.toUpperCase()}_FUNCTION`)
        ?.default,
      Handler: `dist/functions/${part}/function.handler`,
      Runtime: 'nodejs22.x',
      Architectures: ['arm64'],
      Role: { 'Fn::GetAtt': ['FunctionsRole', 'Arn'] },
    });
  });

  test('is given enough time for its work, and less than the forwarder waits', () => {
    const { Timeout } = resource(id).Properties;
    expect(Timeout).toBeGreaterThanOrEqual(20);
    expect(Timeout).toBeLessThan(defaultOf('CLB_DIRECT_FUNCTIONS_TIMEOUT_SECONDS'));
  });

  test('has every setting that it needs and none that it does not know', () => {
    const names = Object.keys(environmentOf(id));
    const env = Object.fromEntries(names.map((name) => [name, resolved(environmentOf(id)[name])]));
    const { problems } = readSettings(env, 'function');
    expect(problems).toEqual([]);
    expect(findCredentials(env)).toEqual({ secretId: secret.secretId, secretKey: secret.secretKey });
    // Each of ours is a setting; the rest are the two names of the credentials.
    const known = new Set(settingDocs.map(({ name }) => name));
    expect(names.filter((name) => !known.has(name)).sort()).toEqual([
      'TENCENTCLOUD_SECRET_ID',
      'TENCENTCLOUD_SECRET_KEY',
    ]);
  });

  test('gets its secrets by reference only', () => {
    for (const name of Object.keys(secretsAround)) {
      const { 'Fn::Sub': text }: { 'Fn::Sub'?: unknown } = Object(environmentOf(id)[name]);
      expect(text, name).toMatch(/^\{\{resolve:secretsmanager:\$\{SecretName\}:SecretString:\w+\}\}$/);
    }
  });

  test('its zip holds exactly the bundle', () => {
    const entries = unzip(readFileSync(join(packed, `${part}.zip`)));
    expect([...entries.keys()]).toEqual([bundle]);
    expect(entries.get(bundle)?.equals(readFileSync(join(root, bundle)))).toBe(true);
  });

  test('what is in the zip loads in a clean Node and answers a bad event with what is wrong', async () => {
    const home = mkdtempSync(join(folder, `${part}-`));
    for (const [path, content] of unzip(readFileSync(join(packed, `${part}.zip`)))) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), content);
    }
    const [module = '', name = ''] = String(resource(id).Properties['Handler']).split('.');
    const script = `
      const { ${name}: handler } = require(${JSON.stringify(join(home, `${module}.cjs`))});
      const context = { getRemainingTimeInMillis: () => 60_000 };
      handler({ Records: [] }, context).then(
        () => { throw new Error('it took it'); },
        (error) => { console.log(JSON.stringify({ name: error.name, message: error.message })); process.exit(0); },
      );`;
    const env = Object.fromEntries(
      Object.entries(environmentOf(id)).map(([key, value]) => [key, resolved(value)]),
    );
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: home, env });
    expect(JSON.parse(stdout)).toEqual({
      name: 'BadRequest',
      message: expect.stringMatching(/^The event is no request of ours: invocationId/),
    });
  });
});

test('as many invocations may run as the dispatcher begins', () => {
  const { ReservedConcurrentExecutions } = resource('ReconcileLambdaFunction').Properties;
  expect(ReservedConcurrentExecutions).toBeGreaterThanOrEqual(defaultOf('CLB_DIRECT_MAX_INVOCATIONS'));
});

test('no secret of whoever packages is in what is made', () => {
  const files = readdirSync(packed);
  expect(files).toContain('serverless-state.json');
  for (const file of files) {
    const content = readFileSync(join(packed, file));
    for (const value of Object.values(secretsAround)) {
      expect(content.includes(value), `${value} in ${file}`).toBe(false);
    }
  }
});

/** Everything that the template refers to, by name. */
const references = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt' && Array.isArray(inner)) return [String(inner[0])];
    if (key === 'Fn::Sub') return [...String(inner).matchAll(/\$\{([^}]+)\}/g)].map(([, name = '']) => name);
    return references(inner);
  });
};

test('everything that the template refers to is in it, and every parameter is given and used', () => {
  const parameters = Object.keys(template.Parameters);
  const names = references([template.Resources, template.Outputs]).filter(
    (name) => !name.startsWith('AWS::'),
  );
  const known = new Set([...parameters, ...Object.keys(template.Resources)]);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  expect(parameters.filter((name) => !names.includes(name))).toEqual([]);
  expect([...given.keys()].sort()).toEqual([...parameters].sort());
});

test('a deployment without what is special to a cluster is refused by CloudFormation', () => {
  const refusesEmpty = Object.entries(template.Parameters)
    .filter(
      ([, { AllowedPattern }]) =>
        AllowedPattern !== undefined && !new RegExp(`^(${AllowedPattern})$`).test(''),
    )
    .map(([name]) => name);
  expect(refusesEmpty.sort()).toEqual([
    'ClbRegion',
    'ClusterId',
    'SecretName',
    'SecurityGroupIds',
    'SubnetIds',
  ]);
  expect(Object.values(template.Parameters).filter(({ Default }) => Default !== undefined)).toEqual([]);
});

const statementsOf = (policy: unknown): readonly Readonly<Record<string, unknown>>[] => {
  const { Statement }: { Statement?: unknown } = Object(policy);
  return Array.isArray(Statement) ? Statement : [];
};

describe('rights', () => {
  test('the functions may write their own logs and stand in the VPC, nothing else', () => {
    const { Policies, ManagedPolicyArns }: { Policies?: unknown; ManagedPolicyArns?: unknown } =
      resource('FunctionsRole').Properties;
    expect(ManagedPolicyArns).toBeUndefined();
    expect(Policies).toHaveLength(1);
    const statements = (Array.isArray(Policies) ? Policies : []).flatMap(({ PolicyDocument }) =>
      statementsOf(PolicyDocument),
    );
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(allowed).toEqual([
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: [
          { 'Fn::GetAtt': ['ReconcileLogGroup', 'Arn'] },
          { 'Fn::GetAtt': ['ReadinessLogGroup', 'Arn'] },
        ],
      },
      {
        Effect: 'Allow',
        Action: expect.toSatisfy((actions: unknown) =>
          (Array.isArray(actions) ? actions : ['']).every((action) =>
            /^ec2:(Create|Describe|Delete)NetworkInterfaces?$|^ec2:DescribeSubnets$|^ec2:(Una|A)ssignPrivateIpAddresses$/.test(
              String(action),
            ),
          ),
        ),
        Resource: '*',
      },
    ]);
    // Lambda needs the network's rights for the function, not the function: its own code is denied them.
    expect(statements.find(({ Effect }) => Effect === 'Deny')).toMatchObject({
      Action: allowed[1]?.['Action'],
      Condition: { ArnLike: { 'lambda:SourceFunctionArn': expect.anything() } },
    });
  });

  test('the forwarder takes a policy that lets it invoke these two functions, nothing else', () => {
    const { Type, Properties } = resource('InvokePolicy');
    expect(Type).toBe('AWS::IAM::ManagedPolicy');
    expect(statementsOf(Properties['PolicyDocument'])).toEqual([
      {
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: functions.map(({ id }) => ({ 'Fn::GetAtt': [id, 'Arn'] })),
      },
    ]);
    expect(template.Outputs).toMatchObject({ InvokePolicyArn: { Value: { Ref: 'InvokePolicy' } } });
  });
});

test('without any parameter it packages too: what is missing is asked for when it is deployed', async () => {
  const target = join(folder, 'bare');
  await packageInto(target);
  expect(readdirSync(target)).toEqual(expect.arrayContaining(['reconcile.zip', 'readiness.zip']));
}, 120_000);
