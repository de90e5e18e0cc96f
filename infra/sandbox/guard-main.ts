// Remembers the process groups of a sandbox's containers and kills them when the sandbox is gone, however it went:
// the pipe on stdin breaks even after kill -9. Lines: `+<pid>` started, `-<pid>` ended.
import { createInterface } from 'node:readline';

const groups = new Set<number>();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (!(pid > 1)) return;
  if (line.startsWith('+')) groups.add(pid);
  else groups.delete(pid);
});
lines.on('close', () => {
  for (const pid of groups) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
  process.exit(0);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
