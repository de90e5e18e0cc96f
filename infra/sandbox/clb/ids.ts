import { randomInt } from 'node:crypto';

const letters = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `lb-`, `lbl-`, `loc-`, `eni-` and eight of `[0-9a-z]`, as all of CLB's ids. */
export const newId = (prefix: 'lb' | 'lbl' | 'loc' | 'lbtg' | 'eni' | 'vpc' | 'cert'): string => {
  let id = `${prefix}-`;
  for (let at = 0; at < 8; at += 1) id += letters[randomInt(letters.length)] ?? '0';
  return id;
};

/** `YYYY-MM-DD HH:mm:ss`, China time, as the API writes times. */
export const apiTime = (date: Date): string =>
  new Date(date.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
