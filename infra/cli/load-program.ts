import { pathToFileURL } from 'node:url';
import { programFile } from '../sandbox/program-files.ts';

/**
 * Loads what a verb runs from a file of its own: what it imports would slow the start of every other verb. From then on
 * what it started ends with this process, also when that is told to end.
 *
 * @param program one of `infra/cli/programs.mjs`, such as `test/bench/main`
 * @param name what the program exports
 * @throws Error when it was not built
 */
export const loadProgram = async (
  program: string,
  name: string,
): Promise<(...args: readonly unknown[]) => Promise<number>> => {
  const loaded: Readonly<Record<string, unknown>> = await import(pathToFileURL(programFile(program)).href);
  const run = loaded[name];
  if (typeof run !== 'function') {
    throw new Error(`dist/${program}.mjs exports no ${name}; run \`npm run build\`.`);
  }
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
  return async (...args) => Number(await run(...args));
};
