import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPrivateFolder } from '../../infra/sandbox/private-folder.ts';
import { type Language, languages } from './languages.ts';
import { runCommand } from './run-command.ts';
import { startWorld } from './world.ts';

/** This file's bundle is dist/test/witness/main.mjs. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns how many steps passed, or what went wrong */
const lead = async (language: Language, folder: string): Promise<number | string> => {
  const world = await startWorld(folder);
  try {
    const { code, output } = await runCommand(language.run(root, world));
    if (code !== 0) return output;
    const passed = readFileSync(world.reportFile, 'utf8').trim().split('\n').length;
    if (passed !== world.steps) return `${passed} of ${world.steps} steps were led:\n${output}`;
    const left = world.leftOver();
    if (left.length > 0) return `load balancers are left: ${left.join(', ')}`;
    const wrong = await language.judge?.(root, world);
    if (wrong !== undefined) return wrong;
    return passed;
  } finally {
    await world.close();
  }
};

/**
 * Leads one scenario through each language's SDK against a simulator of its own, and says for each how many steps
 * passed. A language that is not on this machine is left out, but never on CI; all left out is a failure too.
 *
 * @param names of languages; none: all
 * @returns the exit code
 */
export const witness = async (names: readonly string[]): Promise<number> => {
  const unknown = names.filter((name) => !languages.some((language) => language.name === name));
  if (unknown.length > 0) {
    tell(`unknown: ${unknown.join(', ')}; there are ${languages.map(({ name }) => name).join(', ')}`);
    return 1;
  }
  let passed = 0;
  let failed = 0;
  for (const language of languages) {
    if (names.length > 0 && !names.includes(language.name)) continue;
    const folder = createPrivateFolder();
    try {
      const absent = await language.prepare(root);
      if (absent !== undefined && process.env['CI'] !== 'true') {
        tell(`${language.name}: left out, ${absent}`);
        continue;
      }
      const outcome = absent ?? (await lead(language, folder.path));
      if (typeof outcome === 'number') {
        passed += outcome;
        tell(`${language.name}: ${outcome} steps passed`);
        continue;
      }
      failed += 1;
      tell(`${outcome.trimEnd()}\n${language.name}: FAILED`);
    } catch (error) {
      failed += 1;
      tell(`${error instanceof Error ? error.message : String(error)}\n${language.name}: FAILED`);
    } finally {
      folder.remove();
    }
  }
  tell(`witness: ${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
};
