import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tellStory } from '../../infra/cli/replay/story.ts';
import { followClb } from '../../infra/sandbox/scenario/follow-clb.ts';
import { Run } from '../../infra/sandbox/scenario/run.ts';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import { anIngress, aPod, aRuleWant, testPolicy } from '../../shared/model/builders.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let world: ReconcileWorld;

beforeEach(async () => {
  world = await startReconcileWorld();
});

afterEach(() => world.close());

test('the history of an Ingress has its rules and their targets, and replays through the pure core', async () => {
  const run = new Run();
  const { history, state: shown } = run;
  const stop = followClb(world.clb, history);
  const loadBalancerId = await world.foreign.createLoadBalancer();
  const vip = world.clb.state().loadBalancers[0]?.vip ?? '';
  const pods = [aPod('web-aaaaa', await world.startPod()), aPod('web-bbbbb', await world.startPod())];
  const [a, b] = pods.map(({ ips: [ip = ''] }) => ip);
  let puts = 0;
  /** Put, and said in the log as a forwarder says it. */
  const put = async (wanted: DesiredState): Promise<void> => {
    puts += 1;
    const sequence = formatSequence(1, puts);
    const event = makeDesiredStateEvent({ source: 'test', sequence, timeMs: Date.now(), state: wanted });
    const line = JSON.stringify({ level: 'DEBUG', message: 'desired state put', event });
    history.add({ type: 'log', from: 'forwarder', line });
    await world.put(wanted);
    await world.settle();
  };
  const ingress = (...wants: DesiredState['listeners']): DesiredState => ({
    ...anIngress('shop', wants, pods, { finalizer: true, shown: { loadBalancerId, addresses: [vip] } }),
    loadBalancerKey: loadBalancerId,
    loadBalancer: { source: 'existing', loadBalancerId },
  });
  const [own, other] = [aRuleWant('', '/', pods), aRuleWant('a.example.com', '/b', pods.slice(0, 1))];

  await put(ingress(own, other));
  await vi.waitFor(
    () => {
      const alive = { weight: 10, health: 'Alive' };
      expect(shown.targets).toEqual([
        { ...alive, rule: `${vip}/` },
        { ...alive, rule: `${vip}/` },
        { ...alive, rule: 'a.example.com/b' },
      ]);
    },
    { timeout: 30_000, interval: 20 },
  );
  await put(ingress(own));
  expect(shown.targets.map(({ rule }) => rule)).toEqual([`${vip}/`, `${vip}/`]);
  stop();

  const rules = history.events.filter((event) => event.type === 'rule');
  expect(rules.map(({ domain, url, change }) => `${domain}${url} ${change}`)).toEqual([
    `${vip}/ created`,
    'a.example.com/b created',
    'a.example.com/b deleted',
  ]);
  const ids = new Set(rules.map(({ locationId }) => locationId));
  const targets = history.events.filter((event) => event.type === 'target' || event.type === 'health');
  expect(targets.map(({ locationId }) => locationId).every((id) => ids.has(id ?? ''))).toBe(true);

  const header = { type: 'header', format: 1, version: '0', command: 'test', options: {} } as const;
  const told = tellStory(
    {
      header: { ...header, startedMs: history.startedMs, seed: 1, node: 'v', platform: 'p' },
      events: history.events,
      notes: [],
    },
    testPolicy,
  );
  expect(told.entries.filter(({ kind }) => kind === 'core').map(({ details }) => details)).toEqual([
    ['create-listeners HTTP:80 [ready]'],
    ['create-rules HTTP:80 /, HTTP:80 a.example.com/b [ready]'],
    [`register ${a}:80 w10 behind /, ${b}:80 w10 behind /, ${a}:80 w10 behind a.example.com/b [ready]`],
    ['nothing to do'],
    ['delete-rules a.example.com/b [rest]'],
    ['nothing to do'],
  ]);
});
