import { afterAll, beforeAll, describe, it } from 'vitest';
import { apiServer, clb, leader, watchesForgotten } from './faults.ts';
import { ChaosWorld } from './world.ts';

let world: ChaosWorld;

beforeAll(async () => {
  world = await ChaosWorld.start();
});

afterAll(() => world?.end());

describe('a rolling update under load loses no request (L1), and no change is lost (L3), while', () => {
  it.each([
    ['the API server cuts every connection of ours', apiServer({ kind: 'cut' })],
    ['the API server answers 429', apiServer({ kind: 'status', code: 429, retryAfterSeconds: 1 })],
    ['the API server answers 500', apiServer({ kind: 'status', code: 500 })],
    ['the API server carries out, and cuts the answer', apiServer({ kind: 'cut-answer' }, 'deleting')],
    ['the API server has forgotten where our watches were (410)', watchesForgotten('containers-ready')],
    ['the CLB API cuts before the effect', clb({ kind: 'drop-before-effect' })],
    ['the CLB API cuts after the effect', clb({ kind: 'drop-after-effect' })],
    ['the CLB API answers late', clb({ kind: 'latency', ms: 80_000 })],
    ['the CLB API throttles', clb({ kind: 'throttle' }, undefined, 'deleting')],
    [
      'the CLB is busy',
      clb({ kind: 'error', code: 'FailedOperation.ResourceInOperating' }, undefined, 'deleting'),
    ],
    ['the process is killed while Pods go', leader('SIGKILL', 'deleting')],
    ['the process is stopped and goes on', leader('SIGSTOP', 'containers-ready')],
  ])('%s', async (_, fault) => {
    await world.roll(fault);
    world.expectNothingLost();
  });
});
