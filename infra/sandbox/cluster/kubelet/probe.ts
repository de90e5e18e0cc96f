import { request } from 'node:http';
import { connect } from 'node:net';
import type { SocketAddress } from '../../addresses.ts';
import type { Guard } from '../../guard.ts';
import type { Container, HttpGetAction, IntOrString, Probe } from '../objects.ts';
import { runCommand } from './command.ts';

/** Where a container's probes and hooks reach it. */
export interface ProbeTarget {
  readonly container: Container;
  readonly podIp: string;
  readonly socketOf: (port: number) => SocketAddress;
  readonly env: Record<string, string>;
  readonly guard: Guard;
}

const portOf = (container: Container, port: IntOrString): number | undefined => {
  if (typeof port === 'number') return port;
  return (
    container.ports?.find((declared) => declared.name === port)?.containerPort ?? (Number(port) || undefined)
  );
};

/** One GET to the container; true for 200 to 399. */
export const httpGet = (action: HttpGetAction, target: ProbeTarget, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const port = portOf(target.container, action.port);
    if (port === undefined) {
      resolve(false);
      return;
    }
    const headers: Record<string, string> = {
      host: `${target.podIp}:${port}`,
      'user-agent': 'kube-probe/1.36',
      connection: 'close',
    };
    for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
    const asked = request(
      { ...target.socketOf(port), path: action.path ?? '/', headers, agent: false },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        end(status >= 200 && status < 400);
      },
    );
    const end = (success: boolean): void => {
      clearTimeout(timer);
      resolve(success);
    };
    const timer = setTimeout(() => {
      asked.destroy();
      resolve(false);
    }, timeoutMs);
    asked.on('error', () => end(false));
    asked.end();
  });

const tcpConnect = (socketAddress: SocketAddress, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketAddress);
    const end = (success: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(success);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });

const probeOnce = async (probe: Probe, target: ProbeTarget): Promise<boolean> => {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet !== undefined) return httpGet(probe.httpGet, target, timeoutMs);
  if (probe.tcpSocket !== undefined) {
    const port = portOf(target.container, probe.tcpSocket.port);
    return port !== undefined && tcpConnect(target.socketOf(port), timeoutMs);
  }
  if (probe.exec?.command !== undefined) {
    const signal = AbortSignal.timeout(timeoutMs);
    return (await runCommand(probe.exec.command, { env: target.env, guard: target.guard, signal })) === 0;
  }
  return true;
};

/**
 * Probes until the signal ends it, with initial delay, period and thresholds as the kubelet does. `onResult` hears each
 * verdict that the thresholds confirm, beginning with the first.
 */
export const startProbe = (
  probe: Probe,
  target: ProbeTarget,
  signal: AbortSignal,
  onResult: (success: boolean) => void,
): void => {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  let last: boolean | undefined;
  let run = 0;
  let confirmed: boolean | undefined;
  const tick = async (): Promise<void> => {
    if (signal.aborted) return;
    const started = Date.now();
    const success = await probeOnce(probe, target);
    if (signal.aborted) return;
    run = success === last ? run + 1 : 1;
    last = success;
    const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (run >= threshold && confirmed !== success) {
      confirmed = success;
      onResult(success);
    }
    schedule(Math.max(0, periodMs - (Date.now() - started)));
  };
  const schedule = (ms: number): void => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      void tick();
    }, ms);
    const stop = (): void => clearTimeout(timer);
    signal.addEventListener('abort', stop, { once: true });
  };
  schedule((probe.initialDelaySeconds ?? 0) * 1000);
};
