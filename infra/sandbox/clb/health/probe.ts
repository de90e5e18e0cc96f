import type { ProbeOptions } from './probe-options.ts';
import { tcpProbe } from './tcp-probe.ts';
import { udpProbe } from './udp-probe.ts';

/**
 * One probe, for real. A time-out is judged only after the sockets were looked at once more: a process that was late
 * itself must not call a target dead.
 */
export const probe = (options: ProbeOptions): Promise<boolean> =>
  options.transport === 'udp' ? udpProbe(options) : tcpProbe(options);
