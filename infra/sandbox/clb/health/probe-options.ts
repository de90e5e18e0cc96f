import type { SocketAddress } from '../../addresses.ts';
import type { HealthCheck } from '../model.ts';

export interface ProbeOptions {
  /** How the listener's targets are spoken to. */
  readonly transport: 'tcp' | 'udp';
  readonly socket: SocketAddress;
  readonly localAddress: string | undefined;
  /** Real milliseconds. */
  readonly timeoutMs: number;
  /** Of a TCP connection. */
  readonly endsWith: 'rst' | 'fin';
  readonly healthCheck: HealthCheck;
}
