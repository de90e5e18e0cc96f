import { afterEach, expect, it } from 'vitest';
import {
  alive,
  answers,
  type Command,
  follow,
  listeningSockets,
  startCommand,
  treeOf,
  until,
} from './command.ts';

const started: Command[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL');
});

const rolling = async (): Promise<{ command: Command; pids: number[] }> => {
  const command = startCommand(['start', '--once', '--speed', '10']);
  started.push(command);
  await command.line(/Pod \w+: created \(v2\)/);
  return { command, pids: treeOf(command.pid) };
};

const expectNothingLeft = async (
  pids: readonly number[],
  sockets: readonly { host: string; port: number }[],
): Promise<void> => {
  await until(`no process of ${pids.join()} is left`, () => alive(pids).length === 0);
  await until(`nobody answers at ${JSON.stringify(sockets)}`, async () => {
    const answering = await Promise.all(sockets.map(answers));
    return !answering.includes(true);
  });
};

it('kill -9 of the sandbox in mid-rollout leaves no process and no port behind', {
  timeout: 120_000,
}, async () => {
  const { command, pids } = await rolling();
  const sockets = listeningSockets(pids);
  // The sandbox itself, the standalone process, the guard, four clients, three Pods at least.
  expect(pids.length).toBeGreaterThanOrEqual(10);
  command.child.kill('SIGKILL');
  await expectNothingLeft(pids, sockets);
});

it('SIGTERM ends everything in order, and is no success', { timeout: 120_000 }, async () => {
  const { command, pids } = await rolling();
  const sockets = listeningSockets(pids);
  command.child.kill('SIGTERM');
  expect(await command.ended).toBe(143);
  await expectNothingLeft(pids, sockets);
});

it('kill -9 of npm takes the sandbox with it', { timeout: 120_000 }, async () => {
  const command = follow('npm', ['start', '--', '--idle', '--speed', '10']);
  started.push(command);
  await command.line(/export KUBECONFIG=/);
  const pids = treeOf(command.pid);
  const sockets = listeningSockets(pids);
  command.child.kill('SIGKILL');
  await expectNothingLeft(pids, sockets);
});
