#!/usr/bin/env node
// All of it: types, lint and import directions, the build, and every test; ends with one line of counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (command, args) =>
  new Promise((resolve) => {
    spawn(command, args, { stdio: 'inherit' }).on('close', (code) => resolve(code ?? 1));
  });

const folder = mkdtempSync(join(tmpdir(), 'clb-direct-test-'));
const report = join(folder, 'report.json');
const checked = await run('npm', ['run', '-s', 'check']);
const built = checked === 0 ? await run('npm', ['run', '-s', 'build']) : 1;
const tested =
  built === 0
    ? await run('npx', [
        'vitest',
        'run',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...process.argv.slice(2),
      ])
    : 1;
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const skipped = numPendingTests + numTodoTests;
  process.stdout.write(
    `${numPassedTests} passed, ${numFailedTests} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  );
} catch {
  process.stdout.write('no test ran\n');
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = tested;
