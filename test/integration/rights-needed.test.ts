import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Accounts, createAccounts } from '../../infra/sandbox/system/accounts.ts';
import { clusterRoles, roles } from '../../infra/sandbox/system/rights.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { createObject, getObject } from '../../shared/kubernetes/request.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { type Right, rights, ruleOf, textOf } from '../support/rights.ts';
import { type RightsWorld, scenarios } from '../support/rights-scenarios.ts';
import { until } from './sandbox-programs.ts';

// What each right of infra/deploy/rbac.yaml is for: the part of the product that needs it, run as its own account. It
// works with all of the rights, and fails for want of any one of them.

let api: ApiUnderTest;
let accounts: Accounts;
let world: RightsWorld;

beforeAll(async () => {
  api = await startApiUnderTest();
  const { url: server, caPem: ca, client } = api;
  accounts = await createAccounts(client);
  const connect = async (account: 'forwarder' | 'functions'): Promise<Connection> =>
    connectionOf({ server, ca, token: await accounts.tokenOf(account) });
  world = { client, forwarder: await connect('forwarder'), functions: await connect('functions') };
});

afterAll(async () => {
  world?.forwarder.close();
  world?.functions.close();
  accounts?.close();
  await api?.close();
});

/** Gives a role only these rights, and waits until the API server goes by it. */
const grant = async (right: Right, granted: readonly Right[], isAllowed: boolean): Promise<void> => {
  const { namespace = '', role, group, names, verb } = right;
  const [plural = '', subresource] = right.resource.split('/');
  const rules = granted
    .filter((other) => other.role === role && other.namespace === right.namespace)
    .map(ruleOf);
  const of = namespace === '' ? clusterRoles : roles;
  await world.client.patch(of, namespace, role, 'merge', { rules });
  const attributes = {
    ...(namespace === '' ? {} : { namespace }),
    group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(names[0] === undefined ? {} : { name: names[0] }),
    verb,
  };
  const asked = right.user.endsWith('functions') ? world.functions : world.forwarder;
  await until(
    async () => {
      const review = await createObject(asked, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      });
      return JSON.stringify(review).includes(`"allowed":${isAllowed}`);
    },
    `${textOf(right)} is ${isAllowed ? 'given' : 'taken away'}`,
  );
};

describe('the rights of infra/deploy/rbac.yaml', () => {
  it('are all needed by a scenario, and no scenario needs another', () => {
    expect(scenarios.flatMap(({ needs }) => needs).sort()).toEqual(rights.map(textOf).sort());
  });

  it('are enough: with them, and nothing else, each of the scenarios works', async () => {
    for (const { name, run } of scenarios) {
      await expect(run(world), name).resolves.toBeUndefined();
    }
    // And nothing else: what no scenario needs is refused.
    for (const connection of [world.forwarder, world.functions]) {
      await expect(getObject(connection, '/api/v1/namespaces/default/secrets')).rejects.toMatchObject({
        status: 403,
      });
    }
  });

  for (const right of rights) {
    const scenario = scenarios.find(({ needs }) => needs.includes(textOf(right)));
    it(`${textOf(right)}: without it fails “${scenario?.name}”`, async () => {
      await grant(
        right,
        rights.filter((other) => other !== right),
        false,
      );
      try {
        const { verb, resource: of } = right;
        await expect(scenario?.run(world)).rejects.toThrow(
          of === 'events' ? 'the Event was dropped' : new RegExp(`cannot ${verb} resource "${of}"`),
        );
      } finally {
        await grant(right, rights, true);
      }
    });
  }
});
