// `tcp-echo`: sends back what it receives on connections that may live long. After SIGTERM it goes on accepting for a
// while, then ends each connection in order (FIN after what was echoed) and exits 0.
import { createServer, type Server, type Socket } from 'node:net';
import { containerSettings, dieWithSandbox, listenAll, tellUp } from './container.ts';

dieWithSandbox();
const settings = containerSettings();
const open = new Set<Socket>();

const servers: Server[] = settings.sockets.map(() =>
  createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`${settings.pod} ${socket.remoteAddress ?? ''}\n`);
    socket.pipe(socket);
  }),
);
listenAll(servers, settings);

process.once('SIGTERM', () => {
  setTimeout(() => {
    for (const server of servers) server.close();
    for (const socket of open) socket.end();
    setTimeout(() => process.exit(0), 1000);
  }, settings.acceptMs);
});
process.on('SIGINT', () => undefined);
tellUp();
