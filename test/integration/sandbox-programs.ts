import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Builds the sandbox's programs from the sources as they are now; resolves with the folder to find them in. */
export const buildSandboxPrograms = async (extra: readonly string[] = []): Promise<string> => {
  const outdir = `${root}node_modules/.cache/sandbox-programs`;
  await build({
    absWorkingDir: root,
    entryPoints: [
      'infra/sandbox/cluster/images/nginx-main.ts',
      'infra/sandbox/cluster/images/tcp-echo-main.ts',
      'infra/sandbox/cluster/images/udp-echo-main.ts',
      'infra/sandbox/cluster/images/command-main.ts',
      'infra/sandbox/guard-main.ts',
      'infra/sandbox/load/client-main.ts',
      ...extra,
    ],
    outdir,
    outbase: '.',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  return outdir;
};

/** Resolves when the condition holds; looks again every 20 ms. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  timeoutMs = 20_000,
): Promise<void> => {
  const endMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > endMs) {
      throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
