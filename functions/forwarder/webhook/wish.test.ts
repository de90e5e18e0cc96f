import { expect, test } from 'vitest';
import { aServiceFact, aView, serviceRef } from '../../../shared/model/builders.ts';
import type { ServiceFact } from '../../../shared/model/facts.ts';
import { defaultGateType } from '../../../shared/model/names.ts';
import { wishFor } from './wish.ts';

const wish = (
  services: readonly ServiceFact[],
  metadata: { labels?: object; annotations?: object } = { labels: { app: 'web' } },
  namespace = 'default',
  preStopSleepSeconds = 0,
) =>
  wishFor({ metadata, spec: {} }, namespace, {
    view: aView({ services }),
    options: { claim: 'annotation', gateType: defaultGateType, requireEni: false },
    ownNamespace: 'clb-direct',
    preStopSleepSeconds,
  });

const gated = { gateType: defaultGateType };

test('a Pod that a claimed direct Service selects gets the gate, others do not', () => {
  expect(wish([aServiceFact()]).wish).toEqual(gated);
  expect(wish([aServiceFact()], { labels: { app: 'other' } }).wish).toEqual({});
  expect(wish([aServiceFact()], {}).wish).toEqual({});
  expect(wish([aServiceFact({ mode: 'node-port' })]).wish).toEqual({});
  expect(wish([aServiceFact({ type: 'ClusterIP' })]).wish).toEqual({});
  expect(wish([aServiceFact()], { labels: { app: 'web' } }, 'elsewhere').wish).toEqual({});
});

test('a Pod that asks by annotation gets it, whoever selects it', () => {
  const asks = { annotations: { 'clb-direct.io/readiness-gate': 'true' } };
  expect(wish([], asks).wish).toEqual(gated);
  expect(wish([], { annotations: { 'clb-direct.io/readiness-gate': 'no' } }).wish).toEqual({});
});

test('nothing in kube-system and in our own namespace, nor for mirrors of static Pods', () => {
  const asks = { annotations: { 'clb-direct.io/readiness-gate': 'true' } };
  expect(wish([], asks, 'kube-system').wish).toEqual({});
  expect(wish([], asks, 'clb-direct').wish).toEqual({});
  const mirror = { annotations: { ...asks.annotations, 'kubernetes.io/config.mirror': 'x' } };
  expect(wish([], mirror).wish).toEqual({});
});

test("the Pod's own word on preStop counts first, then the longest of its Services, then the default", () => {
  const labels = { app: 'web' };
  const services = [
    aServiceFact({ preStopSleepSeconds: 5 }),
    aServiceFact({ ref: serviceRef('two'), preStopSleepSeconds: 8 }),
  ];
  const asks = (seconds: string) => ({
    labels,
    annotations: { 'clb-direct.io/pre-stop-sleep-seconds': seconds },
  });
  expect(wish(services, asks('12')).wish).toEqual({ ...gated, preStopSleepSeconds: 12 });
  expect(wish(services, asks('0')).wish).toEqual(gated);
  expect(wish(services).wish).toEqual({ ...gated, preStopSleepSeconds: 8 });
  expect(wish([aServiceFact()], { labels }, 'default', 20).wish).toEqual({
    ...gated,
    preStopSleepSeconds: 20,
  });
  expect(wish([aServiceFact({ preStopSleepSeconds: 0 })], { labels }, 'default', 20).wish).toEqual(gated);
  expect(wish([], { labels }, 'default', 20).wish).toEqual({});
});

test('an annotation that cannot be read is ignored, and who creates the Pod is told', () => {
  const found = wish([aServiceFact()], {
    labels: { app: 'web' },
    annotations: { 'clb-direct.io/pre-stop-sleep-seconds': 'ten' },
  });
  expect(found.wish).toEqual(gated);
  expect(found.warnings.join()).toContain('"ten"');
});
