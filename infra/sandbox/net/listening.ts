import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
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

/** A socket that takes every connection and ends it; or why nobody can listen there. */
export const listen = (host: string, port: number): Promise<Server | NodeJS.ErrnoException> =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });

export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

/** Nobody else listens there at this moment. */
export const canListen = async (host: string, port: number): Promise<boolean> => {
  const answer = await listen(host, port);
  if (answer instanceof Error) return false;
  await closeServer(answer);
  return true;
};

/** Below what the system gives to outgoing connections, so that a server that is away finds its port free again. */
const firstPort = 4_000;
const ports = 4_000;

/** A port for a server that is started by its number; somebody else may still be quicker to take it. */
export const freePort = async (host: string): Promise<number> => {
  for (;;) {
    const port = firstPort + randomInt(ports);
    if (await canListen(host, port)) return port;
  }
};
