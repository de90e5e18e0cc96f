/**
 * Which of two resourceVersions of one object is newer: decimal numbers without leading zeros, so the longer one,
 * else the one that sorts later. Only ever asked of one object by UID.
 */
export const isNewer = (a: string, b: string): boolean =>
  a.length === b.length ? a > b : a.length > b.length;
