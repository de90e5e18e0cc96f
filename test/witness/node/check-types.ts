import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../run-command.ts';
import { isRecord } from './outcome.ts';

const models = 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.js';

/** One constant for each answer, of the type that the SDK declares for it. */
const sourceOf = (report: string): string => {
  const constants = report
    .trim()
    .split('\n')
    .flatMap((line, at) => {
      const entry: unknown = JSON.parse(line);
      if (!isRecord(entry) || entry['answer'] === undefined) return [];
      const { action, answer, step } = entry;
      return [
        `/** ${String(step)} */`,
        `export const answer${at}: models.${String(action)}Response = ${JSON.stringify(answer)};`,
      ];
    });
  return [`import type * as models from '${models}';`, ...constants, ''].join('\n');
};

/**
 * The SDK's own declarations against what was answered, by the compiler: a member that they do not have, or one of
 * another type, is an error. They say in words only which members may be null, so that is not among them.
 *
 * @returns what is wrong
 */
export const checkTypes = async (root: string, reportFile: string): Promise<string | undefined> => {
  const folder = join(root, '.clb-direct', `witness-types-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'answers.ts'), sourceOf(readFileSync(reportFile, 'utf8')));
    const compilerOptions = {
      noEmit: true,
      strict: false,
      strictNullChecks: false,
      skipLibCheck: true,
      target: 'ES2023',
      module: 'nodenext',
      moduleResolution: 'nodenext',
      types: [],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['answers.ts'] }));
    const { code, output } = await runCommand({
      command: process.execPath,
      args: [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder, '--pretty', 'false'],
      cwd: root,
    });
    return code === 0 ? undefined : `the SDK declares another type:\n${output}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
