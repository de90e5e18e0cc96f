#!/usr/bin/env node
// All of it: types, lint and import directions, the build, and every test; ends with one line of counts.
import { run, runVitest } from './run-vitest.mjs';

const checked = await run('npm', ['run', '-s', 'check']);
const built = checked === 0 ? await run('npm', ['run', '-s', 'build']) : 1;
if (built === 0) process.exitCode = await runVitest(process.argv.slice(2));
else {
  process.stdout.write('no test ran\n');
  process.exitCode = 1;
}
