import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'clb-direct-';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Takes away what sandboxes left behind that were killed before they could tidy up. */
const removeAbandoned = (root: string): void => {
  for (const name of readdirSync(root)) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]);
    if (!(pid > 1) || isAlive(pid)) continue;
    try {
      rmSync(join(root, name), { recursive: true, force: true });
    } catch {
      // Another user's: its owner will.
    }
  }
};

/** A new folder that only its owner may look into (mode 0700), for this process. */
export const createPrivateFolder = (): { readonly path: string; remove(): void } => {
  const root = tmpdir();
  removeAbandoned(root);
  const path = mkdtempSync(join(root, `${prefix}${process.pid}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};
