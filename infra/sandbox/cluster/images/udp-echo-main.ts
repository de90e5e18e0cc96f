// `udp-echo`: sends each datagram back after the Pod's name. After SIGTERM it goes on for a while, then exits 0.
import { createSocket } from 'node:dgram';
import { containerSettings, dieWithSandbox, tellUp } from './container.ts';

dieWithSandbox();
const settings = containerSettings();

for (const { host, port } of settings.sockets) {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, from) => {
    const answer = Buffer.concat([Buffer.from(`${settings.pod} `), datagram]);
    socket.send(answer, from.port, from.address, () => undefined);
  });
  socket.once('error', (error) => {
    process.stderr.write(`cannot listen on ${host}:${port}: ${error.message}\n`);
    process.exit(1);
  });
  socket.bind({ address: host, port, exclusive: true });
}

process.once('SIGTERM', () => void setTimeout(() => process.exit(0), settings.acceptMs));
process.on('SIGINT', () => undefined);
tellUp();
