import { expect, it } from 'vitest';
import { startSandbox } from '../../infra/sandbox/sandbox.ts';
import { Run } from '../../infra/sandbox/scenario/run.ts';
import { deployGuide, rollUnderLoad } from '../../infra/sandbox/scenario/rolling-update.ts';
it('x', async () => {
  const run = new Run();
  const lines: string[] = [];
  const sandbox = await startSandbox({ speed: 10, platform: (process.env['PF'] ?? 'lambda') as 'lambda',
    onSystemLine: (line, from) => void lines.push(`${from}: ${line}`),
    onFunction: (c) => void lines.push(`fn ${JSON.stringify(c)}`) }).catch((e) => { console.log(lines.slice(-30).join('\n')); throw e; });
  try {
    await deployGuide(sandbox, run);
    const summary = await rollUnderLoad(sandbox, run, 'v2');
    console.log(JSON.stringify({ ...summary, pods: undefined, clients: undefined }));
    expect(summary.failed).toBe(0);
  } catch (e) { console.log(lines.slice(-60).map((l) => l.slice(0, 400)).join('\n')); throw e; }
  finally { await sandbox.close(); }
}, 200_000);
