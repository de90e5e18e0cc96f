import type { ClientReport } from '../load/report.ts';
import { BoundTargets, type TargetState } from './bound-targets.ts';
import type { HistoryEvent, PodSeen, RolloutSeen, StageName } from './history.ts';
import { type PodTimeline, PodTimelines } from './pod-timeline.ts';

/** A Pod with what load balancers think of it. */
export interface PodState {
  readonly pod: PodSeen;
  /** In each listener and rule where it is bound. */
  readonly targets: readonly TargetState[];
  /** The one of them that it waits for: to be Alive and have a weight, or, when it leaves, to have none. */
  readonly target: TargetState | undefined;
}

const waitedFor = ({ terminating }: PodSeen, targets: readonly TargetState[]): TargetState | undefined => {
  const behind = ({ weight, health }: TargetState): number =>
    terminating ? -weight : weight + (health === 'Alive' ? 1_000 : 0);
  return targets.toSorted((a, b) => behind(a) - behind(b))[0];
};

/** How much of a function there is. */
export interface FunctionState {
  readonly name: string;
  /** Invocations under way; none while there is nothing to do. */
  readonly running: number;
  /** Processes that exist, the frozen ones too. */
  readonly instances: number;
  readonly invocations: number;
  readonly failed: number;
}

/** What is true at the end of a history: what the screen shows and the summary counts. */
export class RunState {
  readonly #pods = new Map<string, PodSeen>();
  readonly #targets = new BoundTargets();
  readonly #clients = new Map<string, ClientReport>();
  readonly #timelines = new PodTimelines();
  readonly #stages = new Map<StageName, number>();
  readonly #functions = new Map<string, FunctionState>();
  #calls: Record<string, number> = {};
  #stage: StageName = 'starting';
  #loadBalancerId: string | undefined;
  #address: string | undefined;
  #rollout: RolloutSeen | undefined;
  #rolls = 0;

  get stage(): StageName {
    return this.#stage;
  }

  /** When a stage began last, ms since 1970. */
  stageMs(stage: StageName): number | undefined {
    return this.#stages.get(stage);
  }

  get loadBalancerId(): string | undefined {
    return this.#loadBalancerId;
  }

  /** The Service's address in its status. */
  get address(): string | undefined {
    return this.#address;
  }

  get rollout(): RolloutSeen | undefined {
    return this.#rollout;
  }

  /** How many rollouts under load have begun. */
  get rolls(): number {
    return this.#rolls;
  }

  /** CLB calls by action, those answered with an error included. */
  get clbCalls(): Readonly<Record<string, number>> {
    return this.#calls;
  }

  /** By name. */
  get clients(): readonly ClientReport[] {
    return [...this.#clients.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** By name. */
  get functions(): readonly FunctionState[] {
    return [...this.#functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #addFunction({ name, change, outcome }: Extract<HistoryEvent, { type: 'function' }>): void {
    const known = this.#functions.get(name) ?? { name, running: 0, instances: 0, invocations: 0, failed: 0 };
    const { running, instances, invocations, failed } = known;
    const after: Partial<FunctionState> = {
      'cold-start': { instances: instances + 1 },
      gone: { instances: Math.max(0, instances - 1) },
      begin: { running: running + 1, invocations: invocations + 1 },
      end: { running: Math.max(0, running - 1), failed: failed + (outcome === 'answer' ? 0 : 1) },
      frozen: {},
      refused: {},
    }[change];
    this.#functions.set(name, { ...known, ...after });
  }

  get timelines(): readonly PodTimeline[] {
    return this.#timelines.all;
  }

  /** Those that exist now, oldest first. */
  get pods(): readonly PodState[] {
    return [...this.#pods.values()].map((pod) => {
      const targets = this.#targets.at(pod.ip ?? '');
      return { pod, targets, target: waitedFor(pod, targets) };
    });
  }

  /** All that is behind load balancers. */
  get targets(): readonly TargetState[] {
    return this.#targets.all;
  }

  /** Whether any load balancer has a target at the address. */
  isBound(ip: string | undefined): boolean {
    return this.#targets.at(ip ?? '').length > 0;
  }

  /** A rule in words, e.g. `a.example.com/path`. */
  ruleAt(locationId: string | undefined): string | undefined {
    return this.#targets.ruleAt(locationId);
  }

  /** The name of the newest Pod that had the address. */
  podAt(ip: string): string | undefined {
    return this.#timelines.at(ip)?.name;
  }

  add(event: HistoryEvent): void {
    this.#targets.add(event);
    this.#timelines.add(event, this.#targets);
    switch (event.type) {
      case 'stage':
        this.#stage = event.stage;
        this.#stages.set(event.stage, event.timeMs);
        if (event.stage === 'rolling') this.#rolls += 1;
        break;
      case 'pod':
      case 'pod-status':
        if (event.type === 'pod' && event.change === 'gone') this.#pods.delete(event.pod.uid);
        else this.#pods.set(event.pod.uid, event.pod);
        break;
      case 'rollout':
        this.#rollout = event.rollout;
        break;
      case 'service':
        this.#address = event.address;
        break;
      case 'load-balancer':
        // Others come beside the Service's own, such as those of Ingresses.
        if (event.change !== 'deleted') this.#loadBalancerId ??= event.loadBalancerId;
        else if (event.loadBalancerId === this.#loadBalancerId) this.#loadBalancerId = undefined;
        break;
      case 'call':
        this.#calls = { ...this.#calls, [event.action]: (this.#calls[event.action] ?? 0) + 1 };
        break;
      case 'function':
        this.#addFunction(event);
        break;
      case 'client':
        this.#clients.set(event.report.name, event.report);
        break;
      default:
        break;
    }
  }
}
