import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPrivateFolder } from '../../infra/sandbox/private-folder.ts';
import { type Language, languages } from './languages.ts';
import { isRecord } from './node/outcome.ts';
import { runCommand } from './run-command.ts';
import { startWorld, type World } from './world.ts';

/** This file's bundle is dist/test/witness/main.mjs. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

type Passed = World['passes'];

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

/** The pass of each step that was reported. */
const reported = (reportFile: string): readonly unknown[] =>
  readFileSync(reportFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const entry: unknown = JSON.parse(line);
      return isRecord(entry) ? entry['pass'] : undefined;
    });

/** @returns what passed, or what went wrong */
const lead = async (language: Language, folder: string, only?: string): Promise<Passed | string> => {
  const isLed = (pass: string): boolean =>
    language.without?.includes(pass) !== true && (only ?? pass) === pass;
  const world = await startWorld(folder, isLed);
  try {
    if (world.passes.length === 0) return `there is no pass ${only} for it`;
    const { code, output } = await runCommand(language.run(root, world));
    if (code !== 0) return output;
    const led = reported(world.reportFile);
    for (const { name, steps } of world.passes) {
      const count = led.filter((pass) => pass === name).length;
      if (count !== steps) return `${count} of ${steps} steps of ${name} were led:\n${output}`;
    }
    const left = world.leftOver();
    if (left.length > 0) return `load balancers are left: ${left.join(', ')}`;
    const wrong = await language.judge?.(root, world);
    if (wrong !== undefined) return wrong;
    return world.passes;
  } finally {
    await world.close();
  }
};

const inFolder = async (language: Language, only?: string): Promise<Passed | string> => {
  const folder = createPrivateFolder();
  try {
    return await lead(language, folder.path, only);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    folder.remove();
  }
};

/**
 * Leads one scenario through each language's SDK against a simulator of its own, and says for each how many steps
 * passed. A language that is not on this machine is left out, but never on CI; all left out is a failure too.
 *
 * @param names of languages; none: all
 * @param only the one pass to be led; default: all
 * @returns the exit code
 */
export const witness = async (names: readonly string[], only?: string): Promise<number> => {
  const unknown = names.filter((name) => !languages.some((language) => language.name === name));
  if (unknown.length > 0) {
    tell(`unknown: ${unknown.join(', ')}; there are ${languages.map(({ name }) => name).join(', ')}`);
    return 1;
  }
  const wanted = languages.filter(({ name }) => names.length === 0 || names.includes(name));
  // One after the other: each may fill the machine with a compiler or a download.
  const ready: { readonly language: Language; readonly absent?: string; readonly broken?: string }[] = [];
  for (const language of wanted) {
    try {
      const absent = await language.prepare(root);
      ready.push({ language, ...(absent === undefined ? {} : { absent }) });
    } catch (error) {
      ready.push({ language, broken: String(error) });
    }
  }
  // At once: they wait more than they work.
  const outcomes = await Promise.all(
    ready.map(async ({ language, absent, broken }): Promise<number | undefined> => {
      if (absent !== undefined && process.env['CI'] !== 'true') {
        tell(`${language.name}: left out, ${absent}`);
        return 0;
      }
      const outcome = absent ?? broken ?? (await inFolder(language, only));
      if (typeof outcome !== 'string') {
        const sum = outcome.reduce((all, { steps }) => all + steps, 0);
        const each = outcome.map(({ name, steps }) => `${name} ${steps}`).join(', ');
        tell(`${language.name}: ${sum} steps passed (${each})`);
        return sum;
      }
      tell(`${outcome.trimEnd()}\n${language.name}: FAILED`);
      return undefined;
    }),
  );
  const passed = outcomes.reduce<number>((sum, steps) => sum + (steps ?? 0), 0);
  const failed = outcomes.filter((steps) => steps === undefined).length;
  tell(`witness: ${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
};
