import { type Layer4Listener, portsOf } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { ClbSettings } from '../settings.ts';

/** The port of a target that takes what comes to `port` of the listener; undefined: there is no such port. */
export const targetPort = (
  target: Target,
  listener: Layer4Listener,
  port: number,
  { rangeTargetPort }: ClbSettings,
): number | undefined => {
  const found = rangeTargetPort === 'offset' ? target.port + (port - listener.port) : target.port;
  return found > 65_535 ? undefined : found;
};

interface Frontend {
  open(): Promise<void>;
  close(): void;
}

/** The sockets of a listener of a range of ports: all of them are open, or none. */
export class RangeFrontend {
  readonly #frontends: readonly Frontend[];

  constructor(listener: Layer4Listener, frontendOf: (port: number) => Frontend) {
    this.#frontends = portsOf(listener).map(frontendOf);
  }

  /** @throws Error when a port cannot be listened on */
  async open(): Promise<void> {
    const opened: Frontend[] = [];
    try {
      for (const frontend of this.#frontends) {
        await frontend.open();
        opened.push(frontend);
      }
    } catch (error) {
      for (const frontend of opened) frontend.close();
      throw error;
    }
  }

  close(): void {
    for (const frontend of this.#frontends) frontend.close();
  }
}
