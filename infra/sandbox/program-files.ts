import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const find = (path: string, programsDir?: string): string => {
  if (programsDir !== undefined) {
    const file = resolve(programsDir, path);
    if (existsSync(file)) return file;
    throw new Error(`${file} does not exist; run \`npm run build\`.`);
  }
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    for (const file of [join(dir, path), join(dir, 'dist', path)]) {
      if (existsSync(file)) return file;
    }
    if (dir === dirname(dir)) throw new Error(`dist/${path} does not exist; run \`npm run build\`.`);
  }
};

/**
 * The built file of a program (`infra/cli/programs.mjs`), e.g. `infra/sandbox/load/client-main`.
 *
 * @param programsDir the folder the build wrote to; default: the `dist` above this code, or the one it runs from
 * @throws when the program was not built
 */
export const programFile = (program: string, programsDir?: string): string =>
  find(`${program}.mjs`, programsDir);

/** The bundle of a function, as it is uploaded to a platform. @throws when it was not built */
export const functionFile = (part: 'reconcile' | 'readiness', programsDir?: string): string =>
  find(`functions/${part}/function.cjs`, programsDir);
