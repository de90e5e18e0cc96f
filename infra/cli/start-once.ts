import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What one `start --once --json` came to. */
export interface Outcome {
  readonly exitCode: number;
  /** The last line on stdout: the summary as JSON. */
  readonly last: string;
  /** Everything on stderr. */
  readonly progress: string;
}

/** The one file that all verbs are bundled into. */
const self = fileURLToPath(import.meta.url);

/**
 * Runs `start --once --json` as a process of its own.
 *
 * @param options more for `start`
 * @param listen `signal` ends it; `onLine` hears its progress
 */
export const startOnce = (
  options: readonly string[],
  listen: { readonly signal: AbortSignal; readonly onLine?: (line: string) => void },
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [self, 'start', '--once', '--json', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let last = '';
    const progress: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      last = line;
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      progress.push(line);
      listen.onLine?.(line);
    });
    const stop = (): void => void child.kill('SIGTERM');
    listen.signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      listen.signal.removeEventListener('abort', stop);
      resolve({ exitCode: code ?? 1, last: last.trim(), progress: progress.join('\n') });
    });
  });
