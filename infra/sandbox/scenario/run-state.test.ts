import { expect, test } from 'vitest';
import { aPod } from './builders.test-support.ts';
import { History, type PodSeen } from './history.ts';
import { podChanges } from './pod-seen.ts';
import { Run } from './run.ts';

const target = { loadBalancerId: 'lb-1', listenerId: 'lbl-1', ip: '10.1.0.1', port: 80 } as const;

/** Adds a Pod as a watch would show it, with every change that this brings. */
const see = (history: History, before: PodSeen | undefined, now: PodSeen, timeMs: number): PodSeen => {
  for (const change of podChanges(before, now)) history.add({ type: 'pod', change, pod: now }, timeMs);
  return now;
};

test('a Pod’s steps are told from what two watches of it show', () => {
  const created = aPod('a');
  const ready = { ...created, ip: '10.1.0.1', containersReady: true };
  expect(podChanges(undefined, created)).toEqual(['created']);
  expect(podChanges(created, ready)).toEqual(['addressed', 'containers-ready']);
  expect(podChanges(ready, { ...ready, gate: 'open', ready: true })).toEqual(['gate-open', 'ready']);
  expect(podChanges(ready, { ...ready, gateMessage: 'another' })).toEqual([]);
  expect(podChanges(ready, { ...ready, terminating: true, ready: false })).toEqual(['deleting']);
});

test('the first time of each step counts, and targets are told by their address', () => {
  const run = new Run(new History(0));
  const { history, state } = run;
  let pod = see(history, undefined, aPod('a'), 1);
  pod = see(history, pod, { ...pod, ip: '10.1.0.1', containersReady: true }, 10);
  history.add({ type: 'target', ...target, change: 'registered', weight: 10 }, 20);
  history.add({ type: 'health', ...target, from: 'Unknown', to: 'Alive' }, 30);
  pod = see(history, pod, { ...pod, gate: 'open', ready: true }, 40);
  history.add({ type: 'health', ...target, from: 'Alive', to: 'Dead' }, 50);
  history.add({ type: 'health', ...target, from: 'Dead', to: 'Alive' }, 60);
  const alive = { weight: 10, health: 'Alive' };
  expect(state.pods).toEqual([{ pod, targets: [alive], target: alive }]);
  pod = see(history, pod, { ...pod, terminating: true }, 70);
  history.add({ type: 'target', ...target, change: 'weight', weight: 0 }, 80);
  history.add({ type: 'target', ...target, change: 'deregistered', weight: 0 }, 90);
  history.add({ type: 'pod', change: 'gone', pod }, 100);
  expect(state.pods).toEqual([]);
  expect(state.isBound('10.1.0.1')).toBe(false);
  expect(state.timelines).toEqual([
    {
      name: pod.name,
      uid: pod.uid,
      version: 'v1',
      ip: '10.1.0.1',
      createdMs: 1,
      containersReadyMs: 10,
      boundMs: 20,
      healthyMs: 30,
      gateOpenMs: 40,
      readyMs: 40,
      deletedMs: 70,
      weightZeroMs: 80,
      deregisteredMs: 90,
      goneMs: 100,
    },
  ]);
});

test('a Pod behind several rules is told for each, and by the one that it waits for', () => {
  const { history, state } = new Run(new History(0));
  const pod = see(history, undefined, aPod('a', { ip: '10.1.0.1' }), 1);
  const bind = (locationId: string, health: string): void => {
    const { ip, port, ...listener } = target;
    const rule = { ...listener, locationId };
    history.add({ type: 'rule', ...rule, domain: locationId, url: '/', change: 'created' }, 10);
    history.add({ type: 'target', ...rule, ip, port, change: 'registered', weight: 10 }, 10);
    history.add({ type: 'health', ...rule, ip, port, from: 'Unknown', to: health }, 15);
  };
  bind('b.example', 'Dead');
  bind('a.example', 'Alive');
  const [a, b] = [
    { weight: 10, health: 'Alive', rule: 'a.example/' },
    { weight: 10, health: 'Dead', rule: 'b.example/' },
  ];
  expect(state.pods).toEqual([{ pod, targets: [b, a], target: b }]);

  history.add({ type: 'health', ...target, locationId: 'b.example', from: 'Dead', to: 'Alive' }, 20);

  const leaving = see(history, pod, { ...pod, terminating: true }, 30);
  history.add({ type: 'target', ...target, locationId: 'b.example', change: 'weight', weight: 0 }, 40);
  expect(state.pods).toMatchObject([{ pod: leaving, target: a }]);
  history.add({ type: 'target', ...target, locationId: 'a.example', change: 'deregistered', weight: 0 }, 50);
  expect(state.targets).toEqual([{ ...b, weight: 0, health: 'Alive' }]);
  expect(state.isBound('10.1.0.1')).toBe(true);
  history.add({ type: 'target', ...target, locationId: 'b.example', change: 'deregistered', weight: 0 }, 60);
  expect(state.isBound('10.1.0.1')).toBe(false);
  expect(state.timelines).toMatchObject([
    { boundMs: 10, healthyMs: 20, deletedMs: 30, weightZeroMs: 50, deregisteredMs: 60 },
  ]);
});

test('what a rule, a listener or a load balancer takes with it is bound no more', () => {
  const { loadBalancerId, listenerId } = target;
  const ends = [
    {
      type: 'rule',
      loadBalancerId,
      listenerId,
      locationId: 'loc-1',
      domain: 'a',
      url: '/',
      change: 'deleted',
    },
    { type: 'listener', loadBalancerId, listenerId, change: 'deleted' },
    { type: 'load-balancer', loadBalancerId, change: 'deleted' },
  ] as const;
  for (const end of ends) {
    const { history, state } = new Run(new History(0));
    history.add({ type: 'target', ...target, locationId: 'loc-1', change: 'registered', weight: 10 });
    const elsewhere = { loadBalancerId: 'lb-2', listenerId: 'lbl-2', locationId: 'loc-2' };
    history.add({ type: 'target', ...target, ...elsewhere, change: 'registered', weight: 7 });
    history.add(end);
    expect(
      state.targets.map(({ weight }) => weight),
      end.type,
    ).toEqual([7]);
  }
});

test('the load balancer of the Service is not that of what comes beside it', () => {
  const { history, state } = new Run(new History(0));
  for (const id of ['lb-1', 'lb-2']) {
    history.add({ type: 'load-balancer', loadBalancerId: id, change: 'running' });
  }
  history.add({ type: 'load-balancer', loadBalancerId: 'lb-2', change: 'deleted' });
  expect(state.loadBalancerId).toBe('lb-1');
  history.add({ type: 'load-balancer', loadBalancerId: 'lb-1', change: 'deleted' });
  expect(state.loadBalancerId).toBeUndefined();
});

test('whoever waits is told when it happens, when it did not in time, and when the run is given up', async () => {
  const run = new Run(new History(0));
  const serving = run.until('it serves', 10_000, ({ stage }) => stage === 'serving');
  run.history.add({ type: 'stage', stage: 'serving', text: '' }, 42);
  expect(await serving).toBe(42);
  await expect(run.until('it is drained', 1, ({ stage }) => stage === 'drained')).rejects.toThrow(
    /Within 0.001 s .* it is drained\. Last seen: stage serving/,
  );
  const never = run.until('never', 10_000, () => false);
  run.giveUp(new Error('enough'));
  await expect(never).rejects.toThrow('enough');
  await expect(run.pause(10_000)).rejects.toThrow('enough');
});
