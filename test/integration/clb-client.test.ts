import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultEffect } from '../../infra/sandbox/clb/faults.ts';
import { initialSettings } from '../../infra/sandbox/clb/settings.ts';
import { createClb } from '../../shared/clb/clb.ts';
import { type ClbApi, type ClbCall, createClbApi } from '../../shared/clb/clb-api.ts';
import { ApplyError, type Clb, ClbError } from '../../shared/clb/clb-port.ts';
import {
  holdThat,
  settings,
  toCreate as toCreateProbed,
  uid,
} from '../../shared/clb/scripted.test-support.ts';
import { listenerName, tags } from '../../shared/model/names.ts';
import type { ObservedLoadBalancer, TargetKey } from '../../shared/model/observed.ts';
import type { Step, TargetWrite } from '../../shared/model/plan-types.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Fixture, startFixture, until } from '../contract/clb-simulator-fixture.ts';

/** The CLB client against the simulator, over real HTTP: the calls that it makes, and what it makes of faults. */

const clusterId = 'c1';

/** Without health checks: so many targets, probed so fast, would leave no time for the tests. */
const quiet = { ...settings, healthCheck: { ...settings.healthCheck, enabled: false } };
const toCreate = (port: number) => toCreateProbed(port, { settings: quiet });

let fixture: Fixture;
let api: ClbApi;
let clb: Clb;
let told: ClbCall[] = [];
let loadBalancerId: string;

beforeAll(async () => {
  fixture = await startFixture({
    speed: 1_000,
    settings: {
      // Nobody waits here for locks to end; the reconcile function does.
      batchLockTailMs: [0, 0],
      taskLockTailMs: 0,
      // The client's time runs 50 times faster, the simulator's 1 000 times.
      taskLifeMs: 20 * initialSettings().taskLifeMs,
    },
  });
  const { simulator } = fixture;
  api = createClbApi({
    region: simulator.region,
    endpoint: new URL(simulator.url).host,
    protocol: 'http:',
    credentials: () => ({ secretId: simulator.secretId, secretKey: simulator.secretKey }),
    clock: systemClock,
    onCall: (call) => told.push(call),
  });
  // The simulator's tasks are as much faster.
  const clock = { now: systemClock.now, sleep: (ms: number) => systemClock.sleep(ms / 50) };
  clb = createClb({
    api,
    clusterId,
    clock,
    pace: async () => ({ granted: true }),
    vpcId: simulator.vpcId,
  });
});
beforeEach(async () => {
  loadBalancerId = (await fixture.createLoadBalancer()).id;
  told = [];
});
afterEach(() => {
  fixture.simulator.faults.clear();
  fixture.simulator.settings.unboundInBatchDeregister = 'error';
});
afterAll(async () => {
  api.close();
  await fixture.close();
});

const actions = (): string[] => {
  const names = told.map(({ action }) => action).filter((action) => action !== 'DescribeTaskStatus');
  told = [];
  return names;
};

const withListeners = async (...ports: number[]): Promise<ObservedLoadBalancer> => {
  const empty = await clb.observe(loadBalancerId);
  const { observed } = await clb.apply(
    { do: 'create-listeners', lane: 'rest', listeners: ports.map((port) => toCreate(port)) },
    empty,
    holdThat(),
  );
  told = [];
  return observed;
};

const target = (observed: ObservedLoadBalancer, at: number, weight = 10, listenerAt = 0): TargetWrite => {
  const listener = observed.listeners[listenerAt];
  if (listener === undefined) throw new Error(`no listener ${listenerAt}`);
  const [a, b] = fixture.simulator.vpcCidr.split('.');
  return {
    listenerId: listener.listenerId,
    place: { protocol: 'TCP', port: listener.port },
    ip: `${a}.${b}.99.${at}`,
    port: 8080 + listenerAt,
    weight,
  };
};

type TargetStep = Extract<Step, { readonly targets: readonly TargetWrite[] }>;
const stepOf = (what: TargetStep['do'], ...targets: readonly TargetWrite[]): Step => ({
  do: what,
  lane: 'ready',
  targets,
});

const boundIn = ({ listeners }: ObservedLoadBalancer): readonly (TargetKey & { weight: number })[] =>
  listeners.flatMap(({ listenerId, targets }) => targets.map((one) => ({ listenerId, ...one })));

const keyed = ({ listenerId, ip, port, weight }: TargetWrite) => ({ listenerId, ip, port, weight });

const strike = (action: string, effect: FaultEffect): void =>
  void fixture.simulator.faults.inject({ action, times: 1, effect });

const failureOf = async (call: Promise<unknown>): Promise<ClbError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ClbError)) throw new Error(`no ClbError: ${String(error)}`);
  return error;
};

describe('a load balancer’s life', () => {
  it('is made once by its token, found by its tags, deleted, and gone', async () => {
    const objectUid = randomUUID();
    const wanted = {
      name: `c1_ns_${objectUid}`,
      network: { type: 'public' },
      clientToken: `${objectUid}-1`,
      tags: tags(clusterId, objectUid),
    } as const;
    const made = await clb.create(wanted, holdThat());
    expect(await clb.create(wanted, holdThat())).toEqual(made);
    expect(made.loadBalancerId).toMatch(/^lb-/);
    const ready = await until('it is ready', async () => {
      const found = await clb.find(wanted.tags);
      return found?.ready === true && found;
    });
    expect(ready.loadBalancerId).toBe(made.loadBalancerId);
    const [address] = (await clb.observe(ready.loadBalancerId)).addresses;
    expect(address).toMatchObject({ kind: 'ip' });
    expect(await clb.remove(ready.loadBalancerId, holdThat(), false)).toEqual({
      gone: false,
      protected: false,
    });
    await until('it is gone', async () => (await clb.remove(ready.loadBalancerId, holdThat(), true)).gone);
    expect(await clb.find(wanted.tags)).toBeUndefined();
    expect((await failureOf(clb.observe(ready.loadBalancerId))).failure).toMatchObject({
      kind: 'not-found',
      what: 'load-balancer',
    });
  });

  it('is not touched while it is being made', async () => {
    const { simulator } = fixture;
    const before = simulator.settings.createLoadBalancerMs;
    simulator.settings.createLoadBalancerMs = [10_000_000, 10_000_000];
    const made = await clb.create(
      { name: 'slow', network: { type: 'public' }, clientToken: randomUUID(), tags: { slow: 'yes' } },
      holdThat(),
    );
    simulator.settings.createLoadBalancerMs = before;
    expect(await clb.find({ slow: 'yes' })).toEqual({ loadBalancerId: made.loadBalancerId, ready: false });
    const slow = made.loadBalancerId ?? '';
    expect((await failureOf(clb.observe(slow))).failure.kind).toBe('busy');
    expect((await failureOf(clb.remove(slow, holdThat(), false))).failure.kind).toBe('busy');
  });

  it('one with delete protection is left', async () => {
    await fixture.done(
      await fixture.client.ModifyLoadBalancerAttributes({
        LoadBalancerId: loadBalancerId,
        DeleteProtect: true,
      }),
    );
    expect(await clb.remove(loadBalancerId, holdThat(), false)).toEqual({ gone: false, protected: true });
    expect(actions()).toEqual(['DescribeLoadBalancers']);
  });
});

describe('L10: the calls of each step', () => {
  it('from an empty load balancer to one that is empty again', async () => {
    const hold = holdThat();
    let observed = await clb.observe(loadBalancerId);
    expect(actions()).toEqual(['DescribeLoadBalancers', 'DescribeTargets', 'DescribeListeners']);

    const create: Step = { do: 'create-listeners', lane: 'rest', listeners: [toCreate(80), toCreate(81)] };
    observed = (await clb.apply(create, observed, hold)).observed;
    const polls = told.filter(({ action }) => action === 'DescribeTaskStatus').length;
    expect(polls).toBeGreaterThan(0);
    expect(polls).toBeLessThan(6);
    expect(actions()).toEqual(['CreateListener']);
    expect(await clb.observe(loadBalancerId)).toEqual(observed);
    actions();

    const one = target(observed, 1);
    const two = target(observed, 2, 20);
    const other = target(observed, 1, 10, 1);
    observed = (await clb.apply(stepOf('register', one, two, other), observed, hold)).observed;
    expect(told.map(({ action }) => action)).toEqual(['BatchRegisterTargets']);
    actions();
    expect(await clb.observe(loadBalancerId, observed)).toEqual(observed);
    expect(actions()).toEqual(['DescribeTargets']);
    expect(boundIn(observed)).toEqual([one, two, other].map(keyed));

    const zero = { ...two, weight: 0 };
    observed = (await clb.apply(stepOf('set-weights', zero), observed, hold)).observed;
    expect(actions()).toEqual(['BatchModifyTargetWeight']);
    expect(await clb.observe(loadBalancerId, observed)).toEqual(observed);
    expect(boundIn(observed)).toContainEqual(keyed(zero));
    actions();

    observed = (await clb.apply(stepOf('deregister', one, two), observed, hold)).observed;
    expect(told.map(({ action }) => action)).toEqual(['BatchDeregisterTargets']);
    actions();
    expect(await clb.observe(loadBalancerId, observed)).toEqual(observed);
    expect(boundIn(observed)).toEqual([keyed(other)]);
    actions();

    const listenerId = other.listenerId;
    const changed = { ...quiet, sessionExpireSeconds: 60, scheduler: 'LEAST_CONN' } as const;
    const modify: Step = {
      do: 'modify-listener',
      lane: 'rest',
      listenerId,
      name: listenerName(clusterId, uid),
      settings: changed,
    };
    observed = (await clb.apply(modify, observed, hold)).observed;
    expect(actions()).toEqual(['ModifyListener']);
    expect(await clb.observe(loadBalancerId)).toEqual(observed);
    actions();

    const ids = observed.listeners.map((listener) => listener.listenerId);
    observed = (await clb.apply({ do: 'delete-listeners', lane: 'rest', listenerIds: ids }, observed, hold))
      .observed;
    expect(actions()).toEqual(['DeleteLoadBalancerListeners']);
    expect((await clb.observe(loadBalancerId, observed)).listeners).toEqual([]);
    expect(actions()).toEqual(['DescribeTargets']);
  });

  it('450 targets are three calls of at most 200', async () => {
    fixture.simulator.settings.quotaTargets = 1_000;
    const observed = await withListeners(80);
    const base = target(observed, 1);
    const many = Array.from({ length: 450 }, (_, at) => ({ ...base, port: 1_000 + at }));
    const applied = await clb.apply(stepOf('register', ...many), observed, holdThat());
    fixture.simulator.settings.quotaTargets = 100;
    expect(actions()).toEqual(Array.from({ length: 3 }, () => 'BatchRegisterTargets'));
    expect(boundIn(await clb.observe(loadBalancerId, applied.observed))).toHaveLength(450);
  });

  it('each call is told to the listener with what it was, how it ended, and its request id', async () => {
    await clb.observe(loadBalancerId);
    await failureOf(
      clb.observe('lb-00000000', {
        loadBalancerId: 'lb-00000000',
        addresses: [{ kind: 'ip', value: '1.1.1.1' }],
        listeners: [],
      }),
    );
    expect(told).toEqual([
      expect.objectContaining({ action: 'DescribeLoadBalancers', loadBalancerId, outcome: 'ok' }),
      expect.objectContaining({ action: 'DescribeTargets', loadBalancerId, outcome: 'ok' }),
      expect.objectContaining({ action: 'DescribeListeners', request: { LoadBalancerId: loadBalancerId } }),
      expect.objectContaining({
        action: 'DescribeTargets',
        loadBalancerId: 'lb-00000000',
        outcome: 'not-found',
      }),
    ]);
    for (const call of told) {
      expect(call.requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(call.ms).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('what is there already, or not any more', () => {
  it('a listener that others made, and one of another cluster, are not ours (L8)', async () => {
    await fixture.createListeners(loadBalancerId, [90], { ListenerNames: ['by-hand'] });
    await fixture.createListeners(loadBalancerId, [91], { ListenerNames: [listenerName('c2', uid)] });
    const observed = await withListeners(80);
    const seen = await clb.observe(loadBalancerId);
    expect(seen.listeners.map(({ port, ours }) => [port, ours])).toEqual([
      [90, false],
      [91, false],
      [80, true],
    ]);
    expect(observed).toEqual(seen);
  });

  it('a listener that appears beside us, or goes, is noticed by the one read of the targets', async () => {
    const known = await withListeners(80, 81);
    await fixture.createListeners(loadBalancerId, [90]);
    const more = await clb.observe(loadBalancerId, known);
    expect(more.listeners.map(({ port }) => port)).toEqual([80, 81, 90]);
    expect(actions()).toEqual(['DescribeTargets', 'DescribeListeners']);
    const [first] = known.listeners;
    await fixture.done(
      await fixture.client.DeleteListener({
        LoadBalancerId: loadBalancerId,
        ListenerId: first?.listenerId ?? '',
      }),
    );
    const fewer = await clb.observe(loadBalancerId, more);
    expect(fewer.listeners.map(({ port }) => port)).toEqual([81, 90]);
  });

  it('deleting listeners of which one is gone deletes the others, and nothing else (L8)', async () => {
    const observed = await withListeners(80, 81, 82);
    const ids = observed.listeners.slice(0, 2).map(({ listenerId }) => listenerId);
    await fixture.done(
      await fixture.client.DeleteListener({ LoadBalancerId: loadBalancerId, ListenerId: ids[0] ?? '' }),
    );
    await clb.apply({ do: 'delete-listeners', lane: 'rest', listenerIds: ids }, observed, holdThat());
    expect(actions()).toEqual([
      'DeleteLoadBalancerListeners',
      'DescribeListeners',
      'DeleteLoadBalancerListeners',
    ]);
    expect((await clb.observe(loadBalancerId)).listeners.map(({ port }) => port)).toEqual([82]);
  });

  it('deregistering a target that is not bound takes away those that are', async () => {
    const observed = await withListeners(80);
    const one = target(observed, 1);
    const two = target(observed, 2);
    const { observed: bound } = await clb.apply(stepOf('register', one), observed, holdThat());
    actions();
    const applied = await clb.apply(stepOf('deregister', one, two), bound, holdThat());
    expect(actions()).toEqual(['BatchDeregisterTargets', 'DescribeTargets', 'BatchDeregisterTargets']);
    expect(boundIn(applied.observed)).toEqual([]);
    expect(boundIn(await clb.observe(loadBalancerId))).toEqual([]);
  });

  it('the same where the CLB names their listener instead', async () => {
    fixture.simulator.settings.unboundInBatchDeregister = 'fail-set';
    const observed = await withListeners(80);
    const error = await failureOf(clb.apply(stepOf('deregister', target(observed, 1)), observed, holdThat()));
    expect(error.failure).toMatchObject({
      kind: 'partial',
      listenerIds: [observed.listeners[0]?.listenerId],
    });
  });

  it('a weight for a target that is not bound is not missed', async () => {
    const observed = await withListeners(80);
    await clb.apply(stepOf('set-weights', target(observed, 1, 0)), observed, holdThat());
    expect(actions()).toEqual(['BatchModifyTargetWeight', 'DescribeTargets']);
  });

  it('a quota is a quota, a port in use is a refusal', async () => {
    const observed = await withListeners(80);
    fixture.simulator.settings.quotaTargets = 1;
    const over = clb.apply(
      stepOf('register', target(observed, 1), target(observed, 2)),
      observed,
      holdThat(),
    );
    expect((await failureOf(over)).failure).toMatchObject({ kind: 'quota', code: 'LimitExceeded' });
    fixture.simulator.settings.quotaTargets = 100;
    const again = clb.apply(
      { do: 'create-listeners', lane: 'rest', listeners: [toCreate(80)] },
      observed,
      holdThat(),
    );
    expect((await failureOf(again)).failure).toMatchObject({
      kind: 'refused',
      code: 'InvalidParameter.PortCheckFailed',
    });
  });

  it('one target in two listeners of a protocol is a refusal', async () => {
    const observed = await withListeners(80, 81);
    const one = target(observed, 1);
    const twice = { ...target(observed, 1, 10, 1), port: one.port };
    const error = await failureOf(clb.apply(stepOf('register', one, twice), observed, holdThat()));
    expect(error.failure.kind).toBe('refused');
  });
});

describe('faults', () => {
  it('a load balancer that others write to is busy, and is not waited for (L4)', async () => {
    const observed = await withListeners(80);
    strike('BatchRegisterTargets', { kind: 'lock-tail', ms: 300_000 });
    await clb.apply(stepOf('register', target(observed, 1)), observed, holdThat());
    const startedAt = performance.now();
    const error = await failureOf(clb.apply(stepOf('register', target(observed, 2)), observed, holdThat()));
    expect(error.failure.kind).toBe('busy');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await fixture.unlocked(loadBalancerId);
  });

  it('the API’s own limit is throttled', async () => {
    strike('DescribeTargets', { kind: 'throttle' });
    const error = await failureOf(clb.observe(loadBalancerId));
    expect(error.failure).toMatchObject({ kind: 'throttled', afterMs: 1_000 });
  });

  it('a listener that fails alone is told, and the rest is applied (L12)', async () => {
    const observed = await withListeners(80, 81);
    const [failing] = observed.listeners;
    const one = target(observed, 1);
    const other = target(observed, 1, 10, 1);
    strike('BatchRegisterTargets', { kind: 'fail-listeners', listenerIds: 'first', message: 'back end' });
    const error = await failureOf(clb.apply(stepOf('register', one, other), observed, holdThat()));
    expect(error.failure).toEqual({
      kind: 'partial',
      listenerIds: [failing?.listenerId],
      message: 'back end',
    });
    if (!(error instanceof ApplyError)) throw new Error('not an ApplyError');
    expect(boundIn(error.observed)).toEqual([keyed(other)]);
    expect(error.rest).toEqual(stepOf('register', one));
    expect(await clb.observe(loadBalancerId, observed)).toEqual(error.observed);
  });

  it.each<[string, FaultEffect, boolean]>([
    ['dropped before its effect', { kind: 'drop-before-effect' }, false],
    ['dropped after its effect', { kind: 'drop-after-effect' }, true],
    ['HTTP 502 before its effect', { kind: 'http-status', status: 502 }, false],
    ['HTTP 502 after its effect', { kind: 'http-status', status: 502, afterEffect: true }, true],
    ['truncated JSON', { kind: 'truncated-json' }, true],
    ['an InternalError', { kind: 'error', code: 'InternalError' }, false],
    ['a code that nobody knows', { kind: 'error', code: 'SomethingNew.Entirely' }, false],
  ])('%s: the outcome is unknown, and the read tells it', async (_, effect, bound) => {
    const observed = await withListeners(80);
    strike('BatchRegisterTargets', effect);
    const error = await failureOf(clb.apply(stepOf('register', target(observed, 1)), observed, holdThat()));
    expect(error.failure.kind).toBe('unknown-outcome');
    await fixture.unlocked(loadBalancerId);
    expect(boundIn(await clb.observe(loadBalancerId, observed))).toHaveLength(bound ? 1 : 0);
  });

  it('a task that fails has changed nothing', async () => {
    const observed = await withListeners(80);
    strike('CreateListener', { kind: 'task-fails', message: 'no luck' });
    const step: Step = { do: 'create-listeners', lane: 'rest', listeners: [toCreate(81)] };
    const error = await failureOf(clb.apply(step, observed, holdThat()));
    expect(error.failure).toEqual({
      kind: 'unknown-outcome',
      code: 'FailedOperation',
      message: 'FailedOperation: no luck',
    });
    expect(await clb.observe(loadBalancerId, observed)).toEqual(observed);
  });

  it('a success without effect is seen by the read-back', async () => {
    const observed = await withListeners(80);
    strike('BatchRegisterTargets', { kind: 'no-effect' });
    const applied = await clb.apply(stepOf('register', target(observed, 1)), observed, holdThat());
    expect(boundIn(applied.observed)).toHaveLength(1);
    expect(boundIn(await clb.observe(loadBalancerId, applied.observed))).toEqual([]);
  });

  it('reads that are cut off or in another shape are never taken for emptiness (L5)', async () => {
    const observed = await withListeners(80);
    for (const effect of [{ kind: 'truncated-json' }, { kind: 'drop-after-effect' }] as const) {
      strike('DescribeTargets', effect);
      expect((await failureOf(clb.observe(loadBalancerId, observed))).failure.kind).toBe('unknown-outcome');
    }
  });

  it('wrong credentials are a refusal', async () => {
    const { simulator } = fixture;
    const stranger = createClbApi({
      region: simulator.region,
      endpoint: new URL(simulator.url).host,
      protocol: 'http:',
      credentials: async () => ({ secretId: simulator.secretId, secretKey: 'wrong' }),
      clock: systemClock,
    });
    const error = await failureOf(stranger.call('DescribeListeners', { LoadBalancerId: loadBalancerId }));
    stranger.close();
    expect(error.failure).toMatchObject({ kind: 'refused', code: 'AuthFailure.SignatureFailure' });
    expect(error.requestId).toBeTruthy();
  });
});

describe('health', () => {
  it('one load balancer that is gone does not hide the others (L12)', async () => {
    const observed = await withListeners(80);
    const one = target(observed, 1);
    await clb.apply(stepOf('register', one), observed, holdThat());
    actions();
    const health = await clb.health([
      { loadBalancerId: 'lb-00000000', listenerIds: ['lbl-00000000'] },
      { loadBalancerId, listenerIds: [one.listenerId] },
    ]);
    expect(health).toEqual([
      expect.objectContaining({
        loadBalancerId,
        listenerId: one.listenerId,
        ip: one.ip,
        port: one.port,
        health: 'Close',
      }),
    ]);
    expect(actions()).toHaveLength(3);
  });
});
