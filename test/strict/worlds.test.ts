import { afterEach, expect, it } from 'vitest';
import { isStrict, strictSettings } from '../../infra/sandbox/clb/settings.ts';
import { startFixture } from '../contract/clb-simulator-fixture.ts';
import { startCommand } from '../e2e/command.ts';
import { startReconcileWorld } from '../support/reconcile-world.ts';
import { startSandboxUnderTest } from '../support/sandbox-under-test.ts';

/** A suite that ran in the default world by mistake would be green: each way that one starts leads to the strict one. */

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('a simulator alone is strict', async () => {
  const fixture = await startFixture();
  ends.push(fixture.close);
  expect(isStrict(fixture.simulator.settings)).toBe(true);
});

it('the world of the reconcile suites is strict, but for where its targets lie and for its time', async () => {
  const world = await startReconcileWorld();
  ends.push(world.close);
  const { targetOutsideVpc, taskLifeMs } = strictSettings;
  expect(isStrict({ ...world.clb.settings, targetOutsideVpc, taskLifeMs })).toBe(true);
});

it('a whole sandbox is strict', async () => {
  const sandbox = await startSandboxUnderTest();
  ends.push(sandbox.close);
  expect(isStrict(sandbox.clb.settings)).toBe(true);
});

it('the sandbox of the command is strict, and it says so', async () => {
  const command = startCommand(['start', '--idle', '--speed', '10', '--platform', 'standalone']);
  ends.push(async () => {
    command.child.kill('SIGTERM');
    await command.ended;
  });
  await command.line(/CLB_SETTINGS=strict/);
});
