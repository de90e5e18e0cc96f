// Runs vitest to its end, and ends with one line of counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a program to its end with this one's terminal; resolves with its exit code. */
export const run = (command, args, env = process.env) =>
  new Promise((resolve) => {
    spawn(command, args, { stdio: 'inherit', env }).on('close', (code) => resolve(code ?? 1));
  });

/** @returns the exit code; a run without a test fails */
export const runVitest = async (args, { env, name = '' } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-test-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await run('npx', ['vitest', 'run', ...reporters, ...args], env);
  let line = 'no test ran';
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const skipped = numPendingTests + numTodoTests;
    line = `${numPassedTests} passed, ${numFailedTests} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  } catch {
    // It ended before it could write one.
  }
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${name === '' ? '' : `${name}: `}${line}\n`);
  return code;
};
