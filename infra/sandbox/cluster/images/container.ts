import { closeSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** What the kubelet stand-in tells a container's process through its environment. */
export interface ContainerSettings {
  readonly pod: string;
  readonly namespace: string;
  readonly podIp: string;
  readonly version: string;
  /** How long it goes on accepting after SIGTERM. */
  readonly acceptMs: number;
  /** Where the sockets of its ports live. */
  readonly sockets: readonly { readonly host: string; readonly port: number }[];
}

const seconds = (text: string | undefined, otherwise: number): number => {
  const value = Number(text);
  return text === undefined || text === '' || !(value >= 0) ? otherwise : value;
};

/** Reads the settings of this process; a missing one gets a harmless default. */
export const containerSettings = (env: NodeJS.ProcessEnv = process.env): ContainerSettings => {
  const sockets: Record<string, { host: string; port: number }> = JSON.parse(env['SANDBOX_SOCKETS'] ?? '{}');
  const image = env['SANDBOX_IMAGE'] ?? '';
  const tag = image.includes(':') ? image.slice(image.lastIndexOf(':') + 1) : 'latest';
  return {
    pod: env['POD_NAME'] ?? env['HOSTNAME'] ?? '',
    namespace: env['POD_NAMESPACE'] ?? 'default',
    podIp: env['POD_IP'] ?? '',
    version: env['VERSION'] ?? tag,
    acceptMs: seconds(env['ACCEPT_SECONDS'], 15) * 1000,
    sockets: Object.values(sockets),
  };
};

/** The kubelet holds the other end of stdin: when that breaks, the sandbox is gone, and so is this process. */
export const dieWithSandbox = (): void => {
  process.stdin.on('end', () => process.exit(137));
  process.stdin.on('error', () => process.exit(137));
  process.stdin.resume();
};

const upFd = 3;

/**
 * Tells the kubelet that the handlers of this process are in place; it sends no signal before. (In a container a signal
 * that comes too early is ignored; here it would kill.)
 */
export const tellUp = (): void => {
  try {
    writeSync(upFd, 'up');
    closeSync(upFd);
  } catch {
    // Started by hand: nobody listens.
  }
};

/** Listens on every socket of the container; exits with 1 when one is taken. */
export const listenAll = (servers: readonly Server[], settings: ContainerSettings): void => {
  settings.sockets.forEach((socket, at) => {
    const server = servers[at] ?? createServer();
    server.once('error', (error) => {
      process.stderr.write(`cannot listen on ${socket.host}:${socket.port}: ${error.message}\n`);
      process.exit(1);
    });
    server.listen({ host: socket.host, port: socket.port, backlog: 1024 });
  });
};
