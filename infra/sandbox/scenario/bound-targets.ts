import type { HistoryEvent } from './history.ts';

export interface TargetState {
  readonly weight: number;
  readonly health: string;
  /** Behind a rule: which one, e.g. `a.example.com/path`. */
  readonly rule?: string;
}

interface Bound extends TargetState {
  readonly ip: string;
  readonly loadBalancerId: string;
  readonly listenerId: string;
  readonly locationId: string | undefined;
}

type TargetEvent = Extract<HistoryEvent, { type: 'target' | 'health' }>;

const keyOf = ({ listenerId, locationId = '', ip, port }: TargetEvent): string =>
  `${listenerId} ${locationId} ${ip} ${port}`;

/** Folds a history into what is bound where: an address may be so in several listeners and rules. */
export class BoundTargets {
  readonly #targets = new Map<string, Bound>();
  /** By their ids; those that are gone, too. */
  readonly #rules = new Map<string, string>();

  get all(): readonly TargetState[] {
    return [...this.#targets.values()].map(shown);
  }

  /** In all places. */
  at(ip: string): readonly TargetState[] {
    return [...this.#targets.values()].filter((target) => target.ip === ip).map(shown);
  }

  /** What is known of a rule, e.g. `a.example.com/path`. */
  ruleAt(locationId: string | undefined): string | undefined {
    return locationId === undefined ? undefined : (this.#rules.get(locationId) ?? locationId);
  }

  add(event: HistoryEvent): void {
    if (event.type === 'target') {
      const { ip, loadBalancerId, listenerId, locationId, weight } = event;
      const key = keyOf(event);
      if (event.change === 'deregistered') this.#targets.delete(key);
      else {
        const rule = this.ruleAt(locationId);
        const health = this.#targets.get(key)?.health ?? 'Unknown';
        const named = rule === undefined ? {} : { rule };
        this.#targets.set(key, { ip, loadBalancerId, listenerId, locationId, weight, health, ...named });
      }
    } else if (event.type === 'health') {
      const target = this.#targets.get(keyOf(event));
      if (target !== undefined) this.#targets.set(keyOf(event), { ...target, health: event.to });
    } else if (event.type === 'rule') {
      this.#rules.set(event.locationId, `${event.domain}${event.url}`);
      if (event.change === 'deleted') this.#drop(({ locationId }) => locationId === event.locationId);
    } else if (event.type === 'listener' && event.change === 'deleted') {
      this.#drop(({ listenerId }) => listenerId === event.listenerId);
    } else if (event.type === 'load-balancer' && event.change === 'deleted') {
      this.#drop(({ loadBalancerId }) => loadBalancerId === event.loadBalancerId);
    }
  }

  /** What targets stood in takes them with it, and says nothing of each. */
  #drop(isGone: (target: Bound) => boolean): void {
    for (const [key, target] of this.#targets) if (isGone(target)) this.#targets.delete(key);
  }
}

const shown = ({ weight, health, rule }: Bound): TargetState => ({
  weight,
  health,
  ...(rule === undefined ? {} : { rule }),
});
