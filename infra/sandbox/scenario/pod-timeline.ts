import type { BoundTargets } from './bound-targets.ts';
import type { HistoryEvent } from './history.ts';

/** When a Pod went through what, ms since 1970; absent: it has not (or not in this history). */
export interface PodTimeline {
  readonly name: string;
  readonly uid: string;
  readonly version: string;
  readonly ip?: string;
  readonly createdMs?: number;
  readonly containersReadyMs?: number;
  /** The load balancer knows it as a target. */
  readonly boundMs?: number;
  /** First found `Alive` wherever it was bound. */
  readonly healthyMs?: number;
  readonly gateOpenMs?: number;
  readonly readyMs?: number;
  /** Deletion began. */
  readonly deletedMs?: number;
  /** No target of its took a new connection any more: weight 0, or deregistered without. */
  readonly weightZeroMs?: number;
  readonly deregisteredMs?: number;
  readonly goneMs?: number;
}

type Times = { -readonly [K in keyof PodTimeline]: PodTimeline[K] };

const podTimes = {
  created: 'createdMs',
  'containers-ready': 'containersReadyMs',
  'gate-open': 'gateOpenMs',
  ready: 'readyMs',
  deleting: 'deletedMs',
  gone: 'goneMs',
} as const;

/** Folds a history into a timeline for each Pod; targets are told by their address. */
export class PodTimelines {
  readonly #byUid = new Map<string, Times>();
  /** The newest Pod that had an address: it is not given out again while its target lives. */
  readonly #byIp = new Map<string, Times>();

  /** In the order in which the Pods were created. */
  get all(): readonly PodTimeline[] {
    return [...this.#byUid.values()];
  }

  /** The newest Pod that had the address. */
  at(ip: string): PodTimeline | undefined {
    return this.#byIp.get(ip);
  }

  /** @param bound what is bound after the event */
  add(event: HistoryEvent, bound: Pick<BoundTargets, 'at'>): void {
    if (event.type === 'pod' || event.type === 'pod-status') {
      const { uid, name, version, ip } = event.pod;
      let times = this.#byUid.get(uid);
      if (times === undefined) {
        times = { uid, name, version };
        this.#byUid.set(uid, times);
      }
      if (ip !== undefined) {
        times.ip = ip;
        this.#byIp.set(ip, times);
      }
      if (event.type === 'pod' && event.change !== 'addressed') {
        times[podTimes[event.change]] ??= event.timeMs;
      }
    } else if (event.type === 'target') {
      const times = this.#byIp.get(event.ip);
      if (times === undefined) return;
      const left = bound.at(event.ip);
      if (event.change === 'registered') times.boundMs ??= event.timeMs;
      else if (left.every(({ weight }) => weight === 0)) times.weightZeroMs ??= event.timeMs;
      if (left.length === 0) times.deregisteredMs ??= event.timeMs;
    } else if (event.type === 'health' && event.to === 'Alive') {
      const times = this.#byIp.get(event.ip);
      const isAlive = bound.at(event.ip).every(({ health }) => health === 'Alive');
      if (times !== undefined && isAlive) times.healthyMs ??= event.timeMs;
    }
  }
}
