import { createSocket } from 'node:dgram';
import { customContext } from './custom-context.ts';
import type { ProbeOptions } from './probe-options.ts';

type UdpProbeOptions = Pick<ProbeOptions, 'socket' | 'localAddress' | 'timeoutMs' | 'healthCheck'>;

/**
 * One datagram. PING fails when the target's system says that nobody is at the port, and only then: silence is what
 * most services answer. (Its echo request is not sent: every address of loopback answers it.) CUSTOM succeeds when
 * the expected datagram comes back.
 */
export const udpProbe = ({
  socket: to,
  localAddress,
  timeoutMs,
  healthCheck,
}: UdpProbeOptions): Promise<boolean> =>
  new Promise((resolve) => {
    const ping = healthCheck.CheckType === 'PING';
    const { sent, expected } = ping
      ? { sent: Buffer.alloc(0), expected: undefined }
      : customContext(healthCheck);
    const socket = createSocket('udp4');
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (success: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.close();
      resolve(success);
    };
    socket.on('error', () => settle(false));
    socket.on('message', (datagram) => settle(expected === undefined || datagram.equals(expected)));
    socket.once('connect', () => {
      socket.send(sent, (error) => {
        if (error !== null && error !== undefined) {
          settle(false);
          return;
        }
        // From here on, not before: a process that is late with sending must not take its own silence for the target's.
        timer = setTimeout(() => setImmediate(() => setImmediate(() => settle(ping))), timeoutMs);
      });
    });
    if (localAddress === undefined) socket.connect(to.port, to.host);
    else socket.bind(0, localAddress, () => socket.connect(to.port, to.host));
  });
