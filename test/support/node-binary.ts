import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The lines of Node that the functions are tested on: the oldest that a platform has, and the newest that both have. */
export const nodeMajors = [20, 24] as const;

/**
 * Where a Node of this line is: this one, or the one that `node infra/cli/fetch-node.mjs` has fetched.
 *
 * @returns undefined where there is none: its tests are left out, but never on CI
 */
export const nodeBinary = (major: number): string | undefined => {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const fetched = fileURLToPath(new URL(`../../.clb-direct/node-${major}/node`, import.meta.url));
  return existsSync(fetched) || process.env['CI'] === 'true' ? fetched : undefined;
};
