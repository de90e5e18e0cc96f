import { newId } from './ids.ts';
import type { HealthCheck, Scheduler, Target } from './model.ts';

export interface NewTarget {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly tag: string;
  readonly instanceId: string;
}

interface Session {
  readonly target: Target;
  expiresAtMs: number;
}

const key = (ip: string, port: number): string => `${ip} ${port}`;

/** The targets behind one layer-4 listener or one rule, with how they are probed and chosen. */
export class Pool {
  /** A rule's id; layer-4 listeners have a hidden one. */
  readonly locationId: string;
  healthCheck: HealthCheck;
  scheduler: Scheduler;
  /** 0: no session persistence. */
  sessionExpireSeconds: number;
  /** Sessions by client address. */
  readonly sessions = new Map<string, Session>();
  readonly #targets = new Map<string, Target>();

  constructor(healthCheck: HealthCheck, scheduler: Scheduler, sessionExpireSeconds: number) {
    this.locationId = newId('loc');
    this.healthCheck = healthCheck;
    this.scheduler = scheduler;
    this.sessionExpireSeconds = sessionExpireSeconds;
  }

  get targets(): Iterable<Target> {
    return this.#targets.values();
  }

  get size(): number {
    return this.#targets.size;
  }

  find(ip: string, port: number): Target | undefined {
    return this.#targets.get(key(ip, port));
  }

  add({ ip, port, weight, tag, instanceId }: NewTarget, registeredAt: Date): Target {
    const target: Target = {
      ip,
      port,
      instanceId,
      eniId: instanceId === '' ? newId('eni') : '',
      registeredAt,
      weight,
      tag,
      health: this.healthCheck.HealthSwitch === 0 ? 'Close' : 'Unknown',
      credit: 0,
      connections: new Set(),
      traffic: { total: 0, bytesToTarget: 0, bytesToClient: 0, refused: 0 },
    };
    this.#targets.set(key(ip, port), target);
    return target;
  }

  remove(target: Target): void {
    this.#targets.delete(key(target.ip, target.port));
    for (const [client, session] of this.sessions) {
      if (session.target === target) this.sessions.delete(client);
    }
  }
}
