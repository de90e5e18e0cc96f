import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  aPod,
  at,
  eventually,
  listAt,
  mergePatch,
  openServerUnderTest,
  type ServerUnderTest,
  strategicPatch,
  textAt,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
let namespace: string;
let pods: string;
let rbac: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
  pods = `/api/v1/namespaces/${namespace}/pods`;
  rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
});

afterAll(() => server.close());

/** A ServiceAccount with these rules in its namespace, and a token of it. */
const account = async (name: string, rules: object[]): Promise<string> => {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await server.call('POST', accounts, { body: { metadata: { name } } });
  await server.call('POST', `${rbac}/roles`, { body: { metadata: { name }, rules } });
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  await server.call('POST', `${rbac}/rolebindings`, { body: { metadata: { name }, subjects, roleRef } });
  const { status, body } = await server.call('POST', `${accounts}/${name}/token`, {
    body: { spec: { expirationSeconds: 3600 } },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  const token = textAt(body, 'status.token');
  await eventually(
    () =>
      server.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        token,
        body: {
          spec: {
            resourceAttributes: {
              namespace,
              verb: listAt(rules[0], 'verbs')[0],
              resource: String(listAt(rules[0], 'resources')[0]).split('/')[0],
              subresource: String(listAt(rules[0], 'resources')[0]).split('/')[1] ?? '',
              group: listAt(rules[0], 'apiGroups')[0],
            },
          },
        },
      }),
    (reply) => at(reply.body, 'status.allowed') === true,
  );
  return token;
};

const core = (resource: string, ...verbs: string[]): object => ({
  apiGroups: [''],
  resources: [resource],
  verbs,
});

describe('tokens', () => {
  it('that are unknown are 401, none is refused', async () => {
    const unknown = await server.call('GET', pods, { token: 'nobody' });
    expect(unknown.status).toBe(401);
    expect(unknown.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    expect([401, 403]).toContain((await server.call('GET', pods, { token: null })).status);
  });

  it('are not needed to ask for health and version', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const { status, text } = await server.call('GET', path, { token: null });
      expect([status, text]).toEqual([200, 'ok']);
    }
    const { body } = await server.call('GET', '/version', { token: null });
    expect(textAt(body, 'gitVersion')).toMatch(/^v1\.\d+\./);
  });

  it('of a ServiceAccount are JWTs that expire, end with it, and know who they are for', async () => {
    const token = await account('holder', [core('pods', 'list')]);
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(at(claims, 'sub')).toBe(`system:serviceaccount:${namespace}:holder`);
    expect(Number(at(claims, 'exp'))).toBeGreaterThan(Date.now() / 1000 + 3500);
    const who = await server.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      token,
      body: {},
    });
    expect(at(who.body, 'status.userInfo.username')).toBe(`system:serviceaccount:${namespace}:holder`);
    expect((await server.call('GET', pods, { token })).status).toBe(200);
    await server.call('DELETE', `/api/v1/namespaces/${namespace}/serviceaccounts/holder`);
    await eventually(
      () => server.call('GET', pods, { token }),
      ({ status }) => status === 401,
    );
  });

  it('are not made for less than ten minutes', async () => {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await server.call('POST', accounts, { body: { metadata: { name: 'brief' } } });
    const { status, body } = await server.call('POST', `${accounts}/brief/token`, {
      body: { spec: { expirationSeconds: 60 } },
    });
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain(
      'spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    );
  });

  it('can be reviewed', async () => {
    const review = (token: string) =>
      server.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec: { token } } });
    expect(at((await review(server.token)).body, 'status.authenticated')).toBe(true);
    expect(at((await review('nobody')).body, 'status.authenticated') ?? false).toBe(false);
  });
});

describe('rights', () => {
  it('to patch pods/status suffice to patch it, and not to read the Pod', async () => {
    const token = await account('gatekeeper', [core('pods/status', 'patch')]);
    await server.call('POST', pods, { body: aPod('gated') });
    const body = { status: { conditions: [{ type: 'example.com/gate', status: 'True' }] } };
    const patched = await server.call('PATCH', `${pods}/gated/status`, {
      token,
      body,
      contentType: strategicPatch,
    });
    expect(patched.status).toBe(200);
    const read = await server.call('GET', `${pods}/gated`, { token });
    expect(read.status).toBe(403);
    expect(read.body).toMatchObject({
      reason: 'Forbidden',
      message: `pods "gated" is forbidden: User "system:serviceaccount:${namespace}:gatekeeper" cannot get resource "pods" in API group "" in the namespace "${namespace}"`,
      details: { name: 'gated', kind: 'pods' },
    });
    const list = await server.call('GET', '/api/v1/pods', { token });
    expect(textAt(list.body, 'message')).toContain(
      'cannot list resource "pods" in API group "" at the cluster scope',
    );
    expect(
      (await server.call('PATCH', `${pods}/gated`, { token, body, contentType: mergePatch })).status,
    ).toBe(403);
  });

  it('to patch services/status suffice to change annotations and finalizers', async () => {
    const token = await account('claimer', [core('services/status', 'patch')]);
    const services = `/api/v1/namespaces/${namespace}/services`;
    await server.call('POST', services, {
      body: { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } },
    });
    const body = { metadata: { annotations: { a: 'b' }, finalizers: ['example.com/f'] } };
    const path = `${services}/web/status`;
    expect((await server.call('PATCH', path, { token, body, contentType: strategicPatch })).status).toBe(200);
    const gone = { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/f'] } };
    expect(
      (await server.call('PATCH', path, { token, body: gone, contentType: strategicPatch })).status,
    ).toBe(200);
  });

  it('may name the objects they hold for', async () => {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    await server.call('POST', maps, { body: aConfigMap('mine') });
    await server.call('POST', maps, { body: aConfigMap('theirs') });
    const rules = [
      core('pods', 'get'),
      { ...core('configmaps', 'get', 'watch', 'list'), resourceNames: ['mine'] },
    ];
    const token = await account('named', rules);
    expect((await server.call('GET', `${maps}/mine`, { token })).status).toBe(200);
    expect((await server.call('GET', `${maps}/theirs`, { token })).status).toBe(403);
    expect((await server.call('GET', `${maps}?fieldSelector=metadata.name%3Dmine`, { token })).status).toBe(
      200,
    );
    expect((await server.call('GET', maps, { token })).status).toBe(403);
  });

  it('to core Events do not cover another group, nor do those to one namespace another', async () => {
    const token = await account('reporter', [core('events', 'create', 'list')]);
    expect((await server.call('GET', `/api/v1/namespaces/${namespace}/events`, { token })).status).toBe(200);
    expect((await server.call('GET', '/api/v1/namespaces/default/events', { token })).status).toBe(403);
    expect(
      (await server.call('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, { token })).status,
    ).toBe(403);
  });

  it('can be asked for', async () => {
    const token = await account('asker', [core('pods', 'list')]);
    const ask = async (resource: string, verb: string): Promise<unknown> => {
      const body = { spec: { resourceAttributes: { namespace, resource, verb } } };
      const reply = await server.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        token,
        body,
      });
      expect(reply.status).toBe(201);
      return at(reply.body, 'status.allowed');
    };
    expect(await ask('pods', 'list')).toBe(true);
    expect(await ask('pods', 'delete')).toBe(false);
    const rules = await server.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      token,
      body: { spec: { namespace } },
    });
    expect(listAt(rules.body, 'status.resourceRules')).toContainEqual({
      verbs: ['list'],
      apiGroups: [''],
      resources: ['pods'],
    });
  });
});

describe('discovery', () => {
  it('names groups, versions, resources, short names and subresources', async () => {
    const groups = await server.call('GET', '/apis');
    expect(groups.body).toMatchObject({ kind: 'APIGroupList', apiVersion: 'v1' });
    const names = listAt(groups.body, 'groups').map((group) => at(group, 'name'));
    for (const name of [
      'apps',
      'coordination.k8s.io',
      'discovery.k8s.io',
      'networking.k8s.io',
      'policy',
      'events.k8s.io',
    ]) {
      expect(names).toContain(name);
    }
    const { body } = await server.call('GET', '/api/v1');
    expect(body).toMatchObject({ kind: 'APIResourceList', groupVersion: 'v1' });
    const resources = listAt(body, 'resources');
    const named = (name: string) => resources.find((resource) => at(resource, 'name') === name);
    expect(named('pods')).toMatchObject({
      kind: 'Pod',
      namespaced: true,
      singularName: 'pod',
      shortNames: ['po'],
      categories: ['all'],
    });
    expect(listAt(named('pods'), 'verbs').toSorted()).toEqual([
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
    expect(named('pods/eviction')).toMatchObject({
      kind: 'Eviction',
      group: 'policy',
      version: 'v1',
      verbs: ['create'],
    });
    expect(named('serviceaccounts/token')).toMatchObject({ kind: 'TokenRequest' });
    const apps = await server.call('GET', '/apis/apps/v1');
    expect(listAt(apps.body, 'resources').map((one) => at(one, 'name'))).toContain('deployments/scale');
  });
});
