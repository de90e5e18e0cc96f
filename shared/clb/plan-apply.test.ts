import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { provenBindings, type Registered, stillBound } from '../model/bindings.ts';
import { placesOf } from '../model/bound-places.ts';
import {
  aListener,
  aLoadBalancer,
  aNodeState,
  aPod,
  aRuleWant,
  aState,
  aTarget,
  ingressRef,
  kept,
  serviceRef,
  sharing,
  testPolicy,
} from '../model/builders.ts';
import type { DesiredState, ListenerWant } from '../model/desired-state.ts';
import { listenerName, listenerOwner } from '../model/names.ts';
import type { Binding, ObservedListener, ObservedLoadBalancer, Recorded } from '../model/observed.ts';
import { claimsOf, plan } from '../model/plan.ts';
import type { Step } from '../model/plan-types.ts';
import {
  deregistered,
  modified,
  registered,
  ruleModified,
  weighted,
  withListeners,
  withoutListeners,
  withoutRules,
  withRules,
} from './effects.ts';
import { observedListener } from './observe.ts';

/** A load balancer on which every write succeeds. */
const applied = (observed: ObservedLoadBalancer, step: Step, nextId: () => string): ObservedLoadBalancer => {
  switch (step.do) {
    case 'create-listeners':
      return withListeners(
        observed,
        step.listeners.map((one) =>
          observedListener(
            testPolicy.clusterId,
            { ...one, listenerId: nextId(), ...(one.protocol === 'HTTP' ? { rules: [] } : {}) },
            undefined,
            observed.addresses,
          ),
        ),
      );
    case 'modify-listener': {
      const ownerUid = listenerOwner(testPolicy.clusterId, step.name) ?? '';
      return modified(observed, step.listenerId, {
        name: step.name,
        settings: step.settings,
        ours: true,
        ownerUid,
      });
    }
    case 'create-rules':
      return withRules(
        observed,
        step.listenerId,
        step.rules.map(({ domain, url, settings }) => ({
          locationId: nextId(),
          domain,
          url,
          settings,
          targets: [],
        })),
      );
    case 'modify-rule':
      return ruleModified(observed, step.listenerId, step.locationId, step.settings);
    case 'delete-rules':
      return withoutRules(observed, step.listenerId, step.locationIds);
    case 'delete-listeners':
      return withoutListeners(observed, step.listenerIds);
    case 'register':
      return registered(observed, step.targets);
    case 'deregister':
      return deregistered(observed, step.targets);
    case 'set-weights':
      return weighted(observed, step.targets);
  }
};

const pods = [1, 2, 3, 4].map((n) => aPod(`p${n}`, `10.0.0.${n}`));
const node = aNodeState('n1', '10.1.0.1', { weight: 7 });

const somePods = fc.subarray(pods, { minLength: 1 });
const aPortOf = fc.constantFrom(80, 81);
const ruleKey = fc.tuple(fc.constantFrom('', 'a.example.com'), fc.constantFrom('/', '/b'));

const services = (name: string, createdAt: number): fc.Arbitrary<DesiredState> =>
  fc
    .tuple(fc.uniqueArray(aPortOf, { minLength: 1 }), somePods, fc.boolean())
    .map(([ports, behind, onNodes]) => {
      const base = sharing(aState(behind, { object: serviceRef(name), createdAt }));
      const [want] = base.listeners;
      if (want === undefined) throw new Error('no listener');
      const endpoints = onNodes
        ? [{ ip: '10.1.0.1', port: 30080, backendUid: node.uid, instanceId: 'ins-1' }]
        : want.backends.endpoints;
      const listeners = ports.map(
        (port): ListenerWant => ({
          ...want,
          port,
          // One address once in all layer-4 listeners of a protocol: each port has its own.
          backends: {
            ...want.backends,
            endpoints: endpoints.map((endpoint) => ({ ...endpoint, port: endpoint.port + port })),
          },
        }),
      );
      return { ...base, listeners, ...(onNodes ? { nodes: [node], pods: [] } : {}) };
    });

const ingresses = (name: string, createdAt: number): fc.Arbitrary<DesiredState> =>
  fc
    .tuple(aPortOf, fc.uniqueArray(ruleKey, { minLength: 1, selector: String }), somePods)
    .map(([port, keys, behind]) => ({
      ...sharing(aState(behind, { object: ingressRef(name), createdAt })),
      listeners: keys.map(([domain, url]) => ({ ...aRuleWant(domain, url, behind), port })),
    }));

const stateOf = (name: string, createdAt: number): fc.Arbitrary<DesiredState> =>
  fc
    .tuple(
      fc.oneof(services(name, createdAt), ingresses(name, createdAt)),
      fc.constantFrom('serve', 'serve', 'serve', 'release', 'report', 'skip'),
    )
    .map(([state, intent]) => (intent === 'serve' ? state : { ...state, intent, listeners: [], pods: [] }));

const names = ['one', 'two', 'three'];
const owners = [...names, 'dead'].map((name) => `uid-${name}`);
const targets = fc
  .subarray([...pods.map(({ ips }) => ips[0] ?? ''), '10.9.9.9'])
  .map((ips) => ips.map((ip) => aTarget(ip)));

const listenersThere: fc.Arbitrary<readonly ObservedListener[]> = fc
  .uniqueArray(
    fc.record({
      port: aPortOf,
      http: fc.boolean(),
      owner: fc.constantFrom(...owners, undefined),
      bound: targets,
      keys: fc.uniqueArray(ruleKey, { selector: String }),
    }),
    { selector: ({ port }) => port },
  )
  .map((found) =>
    found.map(({ port, http, owner, bound, keys }) => {
      const { ownerUid: _, ...bare } = aListener(http ? [] : bound, {
        listenerId: `lbl-${port}`,
        port,
        protocol: http ? 'HTTP' : 'TCP',
        ours: owner !== undefined,
        name: owner === undefined ? 'by-hand' : listenerName(testPolicy.clusterId, owner),
      });
      const rules = keys.map(([domain, url], at) => ({
        locationId: `loc-${port}-${at}`,
        domain,
        url,
        settings: bare.settings,
        targets: bound,
      }));
      return {
        ...bare,
        ...(owner === undefined ? {} : { ownerUid: owner }),
        ...(http ? { rules } : {}),
      };
    }),
  );

interface World {
  readonly states: readonly DesiredState[];
  readonly complete: boolean;
  readonly observed: ObservedLoadBalancer;
  readonly ruleOwners: NonNullable<Recorded['ruleOwners']>;
}

const worlds: fc.Arbitrary<World> = fc
  .record({
    states: fc.tuple(...names.map((name, at) => stateOf(name, at))),
    present: fc.subarray([0, 1, 2], { minLength: 1 }),
    complete: fc.boolean(),
    listeners: listenersThere,
    recorded: fc.array(fc.constantFrom(...owners, undefined), { minLength: 4, maxLength: 4 }),
  })
  .map(({ states, present, complete, listeners, recorded }) => {
    const observed = aLoadBalancer(listeners);
    const spots = listeners.filter(({ ours }) => ours).flatMap(placesOf);
    return {
      states: states.filter((_, at) => present.includes(at)),
      complete,
      observed,
      ruleOwners: spots.flatMap(({ listenerId, locationId }, at) => {
        const ownerUid = recorded[at % 4];
        return locationId === undefined || ownerUid === undefined
          ? []
          : [{ listenerId, locationId, ownerUid }];
      }),
    };
  });

/** Plans and applies one step after the other, as a pass does, until nothing is left to do. */
const settled = (world: World) => {
  let { observed, ruleOwners } = world;
  let bindings: readonly Binding[] = [];
  let bound: readonly Registered[] = [];
  let ids = 0;
  const taken: Step[] = [];
  for (let rounds = 0; rounds < 60; rounds += 1) {
    const known = { states: world.states.map((state) => kept(state)), complete: world.complete, ruleOwners };
    bindings = stillBound(provenBindings(claimsOf(known, observed), bindings, bound, 1), observed);
    const planned = plan({
      ...known,
      observed,
      bindings,
      registered: [],
      refused: [],
      health: [],
      policy: testPolicy,
      now: 1_000,
    });
    ({ ruleOwners } = planned);
    const [step] = planned.steps;
    if (step === undefined) return { observed, planned, ruleOwners, taken };
    taken.push(step);
    observed = applied(observed, step, () => {
      ids += 1;
      return `new-${ids}`;
    });
    if (step.do === 'register') {
      bound = step.targets.flatMap(({ backendUid, ...target }) =>
        backendUid === undefined ? [] : [{ ...target, backendUid }],
      );
    }
  }
  throw new Error(`does not come to rest: ${JSON.stringify(taken.slice(-4))}`);
};

test('plan, apply, plan again: it comes to rest, with rules, several owners, shared ports and nodes', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const { observed, planned, ruleOwners } = settled(world);
      expect(settled({ ...world, observed, ruleOwners }).taken).toEqual([]);
      // What is wanted stands, or its object was told why it does not.
      const ours = observed.listeners.filter((listener) => listener.ours).flatMap(placesOf);
      for (const state of world.states) {
        for (const want of state.intent === 'serve' ? state.listeners : []) {
          const place = ours.find(
            (one) =>
              one.place.protocol === want.protocol &&
              one.place.port === want.port &&
              one.place.rule?.domain === want.rule?.domain &&
              one.place.rule?.url === want.rule?.url,
          );
          const lost = planned.problems.some(
            ({ object, problem }) => object.uid === state.object.uid && problem.severity === 'error',
          );
          const served = want.backends.endpoints.every((endpoint) =>
            place?.targets.some(({ ip, port }) => ip === endpoint.ip && port === endpoint.port),
          );
          const { undecided } = claimsOf(
            { states: world.states.map((one) => kept(one)), complete: world.complete, ruleOwners },
            observed,
          );
          expect(lost || served || undecided).toBe(true);
        }
      }
    }),
    { numRuns: 400 },
  );
});

test('whatever is wanted, listeners of others and all in them stay to the byte (L8)', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const foreign = ({ listeners }: ObservedLoadBalancer) => listeners.filter(({ ours }) => !ours);
      expect(foreign(settled(world).observed)).toEqual(foreign(world.observed));
    }),
    { numRuns: 200 },
  );
});

test('what a reported, a skipped or an unknown object has is not taken away (L5)', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const keeps = (uid: string | undefined): boolean => {
        const state = world.states.find(({ object }) => object.uid === uid);
        return state === undefined ? !world.complete : state.intent === 'report' || state.intent === 'skip';
      };
      const { taken } = settled(world);
      for (const step of taken) {
        if (step.do === 'delete-listeners') {
          for (const id of step.listenerIds) {
            const listener = world.observed.listeners.find(({ listenerId }) => listenerId === id);
            expect(listener !== undefined && keeps(listener.ownerUid)).toBe(false);
          }
        }
        const rules =
          step.do === 'delete-rules'
            ? step.locationIds
            : step.do === 'delete-listeners'
              ? world.observed.listeners
                  .filter(({ listenerId }) => step.listenerIds.includes(listenerId))
                  .flatMap(({ rules = [] }) => rules.map(({ locationId }) => locationId))
              : [];
        for (const id of rules) {
          const owner = world.ruleOwners.find(({ locationId }) => locationId === id)?.ownerUid;
          if (owner !== undefined) expect(keeps(owner)).toBe(false);
        }
      }
    }),
    { numRuns: 400 },
  );
});
