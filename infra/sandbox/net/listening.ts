import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';

/** `0100007F` is 127.0.0.1 where the machine writes its smallest byte first. */
const ipOf = (hex: string): string => {
  const bytes = (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  return (endianness() === 'LE' ? bytes.reverse() : bytes).join('.');
};

/**
 * The IPv4 addresses that anybody on this machine listens on, from the kernel's table of TCP sockets; none where it
 * shows no such table, as only Linux does.
 */
export const addressesListenedOn = (): ReadonlySet<string> => {
  let table: string;
  try {
    table = readFileSync('/proc/net/tcp', 'utf8');
  } catch {
    return new Set();
  }
  const listening = table.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return state === '0A' ? [ipOf(local.slice(0, local.indexOf(':')))] : [];
  });
  return new Set(listening);
};
