import { readFile } from 'node:fs/promises';
import type { TokenProvider } from './connection.ts';

/** The kubelet replaces projected tokens long before they end; client-go reads them anew each minute too. */
const maxAgeMs = 60_000;

/** The token in a file that somebody renews. When it cannot be read, the last one is used on. */
export const tokenFile = (path: string, now: () => number): TokenProvider => {
  let last: { readonly token: string; readonly readAt: number } | undefined;
  let stale = false;
  return {
    token: async () => {
      if (last !== undefined && !stale && now() - last.readAt < maxAgeMs) return last.token;
      try {
        last = { token: (await readFile(path, 'utf8')).trim(), readAt: now() };
        stale = false;
      } catch (error) {
        if (last === undefined) throw error;
      }
      return last.token;
    },
    reload: () => {
      stale = true;
      return true;
    },
  };
};
