#!/usr/bin/env node
// Types, lint and format, import directions: side by side, all reported, non-zero if any fails.
import { spawn } from 'node:child_process';

const checks = ['check:types', 'check:lint', 'check:imports'];

const run = (script) =>
  new Promise((resolve) => {
    const started = process.hrtime.bigint();
    const child = spawn('npm', ['run', '-s', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('close', (code) => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      resolve({ script, code: code ?? 1, output, seconds });
    });
  });

const results = await Promise.all(checks.map(run));
for (const { script, code, output, seconds } of results) {
  if (code !== 0) process.stdout.write(output);
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${script} (${seconds.toFixed(1)} s)\n`);
}
process.exitCode = results.some((result) => result.code !== 0) ? 1 : 0;
