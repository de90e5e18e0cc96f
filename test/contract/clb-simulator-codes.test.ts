import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { allActions } from '../../infra/sandbox/clb/actions/all.ts';
import { notSimulated } from '../../infra/sandbox/clb/actions/not-simulated.ts';
import { ApiError } from '../../infra/sandbox/clb/api-error.ts';
import { documentedCodes, seenCodes } from '../../infra/sandbox/clb/gateway/documented-codes.ts';
import { mayTell, UndocumentedCode } from '../../infra/sandbox/clb/gateway/told-code.ts';
import { strictSettings } from '../../infra/sandbox/clb/settings.ts';
import {
  type Asked,
  type Provocation,
  provocationsOf,
  startWorld,
  type World,
} from './clb-simulator-codes-fixture.ts';
import { neverGiven } from './clb-simulator-codes-never.ts';
import { requestsIn } from './clb-simulator-codes-requests.ts';
import { codeOf, type Fixture, startFixture } from './clb-simulator-fixture.ts';

const actions = [...allActions().keys()].filter((name) => !notSimulated.includes(name));

const codesOf = (action: string): ReadonlySet<string> =>
  new Set([
    ...(documentedCodes.get(action) ?? []),
    ...seenCodes.filter((seen) => seen.actions.includes(action)).map(({ code }) => code),
  ]);

const refusal = async (
  world: World,
  action: string,
  { good }: Asked,
  { change = {}, settings = {}, by, noAddressFree = false }: Provocation,
): Promise<string | undefined> => {
  const { addresses, client, simulator } = world.fixture;
  const before = { ...simulator.settings };
  Object.assign(simulator.settings, settings);
  const allocate = vi.spyOn(addresses, 'allocate');
  if (noAddressFree) {
    allocate.mockImplementation(() => {
      throw new Error('No vip address is free.');
    });
  }
  try {
    const caller = by === undefined ? client : world[by];
    return await codeOf(caller.request(action, { ...good, ...change }));
  } finally {
    allocate.mockRestore();
    Object.assign(simulator.settings, before);
  }
};

let world: World;
let requests: ReadonlyMap<string, Asked>;
beforeAll(async () => {
  world = await startWorld();
  requests = requestsIn(world);
});
afterAll(() => world.fixture.close());

describe('the documented codes of every action', () => {
  it.each(actions)(
    '%s: each is given to a request, or stands in the list of those that never are',
    async (action) => {
      const asked = requests.get(action);
      if (asked === undefined) throw new Error(`There is no request of ${action}.`);
      const provocations = provocationsOf(action, asked, codesOf(action), world);
      const told = new Map<string, string | undefined>();
      for (const [code, provocation] of provocations) {
        told.set(code, await refusal(world, action, asked, provocation));
      }
      expect(world.defects.splice(0)).toEqual([]);
      expect([...told]).toEqual([...provocations.keys()].map((code) => [code, code]));
      const never = neverGiven
        .filter(({ of }) => of === 'all' || of.includes(action))
        .map(({ code }) => code);
      expect([...told.keys(), ...never.filter((code) => codesOf(action).has(code))].toSorted()).toEqual(
        [...codesOf(action)].toSorted(),
      );
    },
  );

  it('those that are never given stand in docs/clb-simulator.md, and each is documented where it is not given', () => {
    const page = readFileSync(new URL('../../docs/clb-simulator.md', import.meta.url), 'utf8');
    const rows = neverGiven.map(
      ({ code, of, why }) => `| ${code} | ${of === 'all' ? 'all' : of.join(', ')} | ${why} |`,
    );
    expect(rows.filter((row) => !page.includes(row))).toEqual([]);
    const wrong = neverGiven.flatMap(({ code, of }) =>
      of === 'all' ? [] : of.filter((action) => !codesOf(action).has(code)).map((action) => [action, code]),
    );
    expect(wrong).toEqual([]);
  });
});

it('the strict answers to open questions are documented codes too', async () => {
  const world = await startWorld(strictSettings);
  const told = new Set<string>();
  for (const [action, asked] of requestsIn(world)) {
    for (const provocation of provocationsOf(action, asked, codesOf(action), world).values()) {
      const code = (await refusal(world, action, asked, provocation)) ?? '';
      told.add(code);
      expect([action, code, mayTell('gateway', action, code) || mayTell('action', action, code)]).toEqual([
        action,
        code,
        true,
      ]);
    }
  }
  expect(told).toContain(strictSettings.lockedCode);
  expect(told).toContain(strictSettings.emptyListCode);
  expect(world.defects.splice(0)).toEqual([]);
  await world.fixture.close();
});

describe('what only a defect of the simulator explains', () => {
  const told = async ({ simulator, client }: Fixture, thrown: Error): Promise<string | undefined> => {
    const find = vi.spyOn(simulator.certificates, 'find').mockImplementation(() => {
      throw thrown;
    });
    try {
      return await codeOf(
        client.ReplaceCertForLoadBalancers({ OldCertificateId: 'a', Certificate: { CertId: 'b' } }),
      );
    } finally {
      find.mockRestore();
    }
  };

  it.each([
    [
      'a code that is documented for other actions only',
      new ApiError('LimitExceeded', 'Too many.'),
      new UndocumentedCode('ReplaceCertForLoadBalancers', 'LimitExceeded', 'Too many.'),
    ],
    ['another error', new TypeError('no function'), new TypeError('no function')],
  ])('is told to a hook, and InternalError to the client: %s', async (_, thrown, defect) => {
    expect(await told(world.fixture, thrown)).toBe('InternalError');
    expect(world.defects.splice(0)).toEqual([defect]);
  });

  it('is thrown where nothing catches it, when there is no hook', async () => {
    const uncaught: unknown[] = [];
    const later = setImmediate;
    const caught = (run: () => void): NodeJS.Immediate =>
      later(() => {
        try {
          run();
        } catch (error) {
          uncaught.push(error);
        }
      });
    const spy = vi
      .spyOn(globalThis, 'setImmediate')
      .mockImplementation(Object.assign(caught, { __promisify__: later.__promisify__ }));
    const thrown = new TypeError('no function');
    const fixture = await startFixture();
    await told(fixture, thrown);
    await fixture.close();
    spy.mockRestore();
    expect(uncaught).toEqual([thrown]);
  });
});
