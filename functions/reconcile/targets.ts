import { ApplyError, ClbError, type ClbFailure, type Newer } from '../../shared/clb/clb-port.ts';
import { provenBindings, type Registered, stillBound } from '../../shared/model/bindings.ts';
import { boundIn } from '../../shared/model/bound-places.ts';
import type { Claims } from '../../shared/model/claims.ts';
import type { KeptState } from '../../shared/model/desired-state.ts';
import type { Hold } from '../../shared/model/hold.ts';
import type { Binding, ObservedLoadBalancer, Recorded, Refusal } from '../../shared/model/observed.ts';
import { claimsOf, plan } from '../../shared/model/plan.ts';
import type { TargetHealthRead } from '../../shared/model/plan-targets.ts';
import type { Plan, Step } from '../../shared/model/plan-types.ts';
import { problem } from '../../shared/model/problems.ts';
import { hasTime, type ReconcileDeps } from './deps.ts';
import { type Retry, retryAfter } from './failure.ts';
import { refusalsOf, withoutRefused } from './refusals.ts';
import type { ObjectProblem } from './report.ts';
import { insisting, parts, pick } from './steps.ts';

/** What a pass over listeners and targets ended with. */
export interface Pass {
  /** The states that it planned with, newer ones included that came meanwhile. */
  readonly states: readonly KeptState[];
  readonly observed: ObservedLoadBalancer;
  /** Who has what of it now. */
  readonly claims: Claims;
  readonly recorded: Recorded;
  readonly problems: readonly ObjectProblem[];
  readonly unexplained: Plan['unexplained'];
  readonly nextAt?: number;
  readonly retry?: Retry;
}

/** A record older than this is read again, whole, before anything is planned on it. */
const recordLivesMs = 600_000;

const roomAfterMs = 500;

/** A pass that goes on for ever would starve the others; what is left is due again at once. */
const maxSteps = 200;

const bindingWrite = new Set<Step['do']>(['register', 'deregister', 'set-weights']);

export interface PassOptions {
  /** What of the kept states is planned with; of newer ones too. Default: all. */
  readonly admit?: (states: readonly KeptState[]) => readonly KeptState[];
  /** Just read, so that they are not read again. */
  readonly addresses?: ObservedLoadBalancer['addresses'];
}

/** Names and settings, which only a whole read shows. */
const modifies = new Set<Step['do']>(['modify-listener', 'modify-rule']);

const mayHaveTakenEffect = (failure: ClbFailure | undefined): boolean =>
  failure === undefined ||
  failure.kind === 'unknown-outcome' ||
  (failure.kind === 'busy' && failure.taken === true);

const makesRoom = new Set<Step['do']>(['deregister', 'delete-rules', 'delete-listeners']);

/** The state of one pass: what is known, what was refused, and what is to be told. */
class Walk {
  readonly #deps: ReconcileDeps;
  readonly #hold: Hold;
  readonly #loadBalancerId: string;
  #registered: readonly Registered[] = [];
  readonly #problems: ObjectProblem[] = [];
  readonly #refused: Refusal[] = [];
  readonly #undeletable: string[] = [];
  readonly #admit: (states: readonly KeptState[]) => readonly KeptState[];
  readonly #addresses: ObservedLoadBalancer['addresses'] | undefined;
  #states: readonly KeptState[];
  #complete: boolean;
  /** By the answers to our writes. */
  #observed: ObservedLoadBalancer | undefined;
  /** As read from the CLB. */
  #read: ObservedLoadBalancer | undefined;
  #wholeReadAt: number;
  #bindings: readonly Binding[];
  #ruleOwners: Claims['ruleOwners'];
  #health: readonly TargetHealthRead[] | undefined;
  #retry: Retry | undefined;
  /** Something was written since the last read. */
  #dirty = false;
  #quotaRefused = false;
  /** Newer states were just taken: the step planned on them is sent without stopping for still newer ones. */
  #insist = false;

  constructor(loadBalancerId: string, hold: Hold, deps: ReconcileDeps, options: PassOptions) {
    this.#deps = deps;
    this.#hold = hold;
    this.#loadBalancerId = loadBalancerId;
    this.#admit = options.admit ?? ((states) => states);
    this.#addresses = options.addresses;
    this.#states = this.#admit(hold.states);
    this.#complete = hold.complete;
    this.#bindings = hold.recorded.bindings;
    this.#ruleOwners = hold.recorded.ruleOwners ?? [];
    const { loadBalancer, wholeReadAt } = hold.recorded;
    this.#wholeReadAt = wholeReadAt ?? 0;
    // What the store says is not asked again, unless somebody may have written beside us (laws L4, L10).
    if (!hold.mustObserve && this.#isFresh() && loadBalancer !== undefined) {
      this.#read = loadBalancer;
      this.#observed = loadBalancer;
    }
  }

  #isFresh(): boolean {
    return this.#deps.clock.now() - this.#wholeReadAt < recordLivesMs;
  }

  async #observeAgain(lane: Step['lane']): Promise<ObservedLoadBalancer> {
    const { clb, clock } = this.#deps;
    const fresh = this.#isFresh();
    // The answers to our own writes count as known: a read-back is one read, of what can differ.
    const known = fresh ? (this.#observed ?? this.#hold.recorded.loadBalancer) : undefined;
    const bare =
      this.#addresses === undefined || this.#read !== undefined
        ? undefined
        : { loadBalancerId: this.#loadBalancerId, addresses: this.#addresses, listeners: [] };
    const observed = await clb.observe(this.#loadBalancerId, known ?? bare, lane);
    if (known === undefined) this.#wholeReadAt = clock.now();
    this.#read = observed;
    this.#observed = observed;
    this.#health = undefined;
    this.#dirty = false;
    return observed;
  }

  #plan(observed: ObservedLoadBalancer): Plan {
    const { policy, clock } = this.#deps;
    const known = { states: this.#states, complete: this.#complete, ruleOwners: this.#ruleOwners };
    if (this.#read !== undefined) {
      const read = claimsOf(known, this.#read);
      const proven = provenBindings(read, this.#bindings, this.#registered, clock.now());
      this.#bindings = stillBound(proven, observed);
    }
    const planned = plan({
      ...known,
      observed,
      bindings: this.#bindings,
      registered: this.#registered,
      refused: this.#refused,
      ...(this.#health === undefined ? {} : { health: this.#health }),
      policy,
      now: clock.now(),
    });
    this.#ruleOwners = planned.ruleOwners;
    return planned;
  }

  async #readHealth(observed: ObservedLoadBalancer): Promise<void> {
    const listenerIds = observed.listeners.filter(({ ours }) => ours).map(({ listenerId }) => listenerId);
    this.#health = await this.#deps.clb.health([{ loadBalancerId: this.#loadBalancerId, listenerIds }]);
  }

  #refuse(step: Step, code: string, message: string): void {
    if (step.do === 'delete-listeners') this.#undeletable.push(...step.listenerIds);
    if (step.do === 'delete-rules') this.#undeletable.push(...step.locationIds);
    const states = this.#states.map(({ state }) => state);
    for (const { refusal, told } of refusalsOf(step, states, this.#observed, code, message)) {
      this.#refused.push(refusal);
      this.#problems.push(told);
    }
  }

  /** What the answers to a step say: the load balancer as it must be now, and for whom its targets were bound. */
  #learn(step: Step, observed: ObservedLoadBalancer, newer: Newer | undefined): void {
    this.#observed = observed;
    const isBound = boundIn(observed);
    if (step.do === 'register') {
      const bound = step.targets.flatMap(({ backendUid, ...target }): Registered[] =>
        backendUid !== undefined && isBound(target) ? [{ ...target, backendUid }] : [],
      );
      this.#registered = [...this.#registered, ...bound];
    }
    this.#registered = this.#registered.filter(isBound);
    // What was taken away made room for what a quota refused: no need to wait.
    if (makesRoom.has(step.do) && this.#quotaRefused && this.#retry !== undefined) {
      this.#retry = { ...this.#retry, afterMs: roomAfterMs };
    }
    if (newer === undefined) {
      this.#insist = false;
      return;
    }
    this.#states = this.#admit(newer.states);
    this.#complete = newer.complete;
    this.#insist = true;
  }

  /** One step; what is refused is taken apart until it stands alone. False: the pass must end. */
  async #take(step: Step, observed: ObservedLoadBalancer): Promise<boolean> {
    const patient = this.#insist ? insisting(this.#hold) : undefined;
    try {
      const applied = await this.#deps.clb.apply(step, observed, patient?.hold ?? this.#hold);
      this.#learn(step, applied.observed, patient?.newer() ?? applied.newer);
      return true;
    } catch (error) {
      const failure = error instanceof ClbError ? error.failure : undefined;
      if (failure?.kind === 'lost') throw error;
      const rest = error instanceof ApplyError ? error.rest : step;
      if (error instanceof ApplyError) this.#learn(step, error.observed, patient?.newer() ?? error.newer);
      if (failure?.kind === 'isolated') {
        for (const { state } of this.#states) {
          const told = problem('D1021', `${failure.code}: ${failure.message}`);
          this.#problems.push({ object: state.object, problem: told });
        }
      }
      if (modifies.has(step.do) && mayHaveTakenEffect(failure)) this.#wholeReadAt = 0;
      if (failure?.kind !== 'refused' && failure?.kind !== 'quota') {
        this.#retry = retryAfter(error, this.#hold.recorded.unclear);
        this.#deps.log.warn('step failed', { loadBalancerId: this.#loadBalancerId, step: step.do, error });
        return false;
      }
      const smaller = parts(rest);
      if (smaller.length === 0) {
        this.#refuse(rest, failure.code, failure.message);
        this.#quotaRefused ||= failure.kind === 'quota';
        this.#retry = retryAfter(error);
        return true;
      }
      for (const part of smaller) {
        if (!(await this.#take(part, this.#observed ?? observed))) return false;
      }
      return true;
    }
  }

  /** A read that may not be made now ends the pass as such a write does: what was written is not forgotten. */
  async #mayRead(read: () => Promise<unknown>): Promise<boolean> {
    try {
      await read();
      return true;
    } catch (error) {
      if (!this.#dirty || !(error instanceof ClbError) || error.failure.kind !== 'throttled') throw error;
      this.#retry = retryAfter(error);
      return false;
    }
  }

  async run(): Promise<Pass> {
    let observed = this.#observed ?? (await this.#observeAgain('ready'));
    let lane: Step['lane'] | undefined;
    let steps = 0;
    let last = this.#plan(observed);
    for (;;) {
      if (last.needsHealth && this.#health === undefined) {
        if (!(await this.#mayRead(() => this.#readHealth(observed)))) break;
        last = this.#plan(observed);
      }
      const open = last.steps.flatMap(
        (step) => withoutRefused(step, { refused: this.#refused, undeletable: this.#undeletable }) ?? [],
      );
      const step = pick(open, lane);
      if (step === undefined) {
        if (!this.#dirty) break;
        // Read back: only what the CLB shows counts as done.
        if (!(await this.#mayRead(() => this.#observeAgain(lane ?? 'ready')))) break;
        observed = this.#observed ?? observed;
        last = this.#plan(observed);
        continue;
      }
      steps += 1;
      if (steps > maxSteps || !hasTime(this.#deps)) {
        const reason = steps > maxSteps ? 'many steps are left' : 'the invocation ends soon';
        this.#retry = { afterMs: 0, reason, strict: false, readFirst: false };
        break;
      }
      lane = step.lane;
      this.#dirty = true;
      // What is made anew is not seen any more once it is gone.
      if (step.do === 'delete-listeners') {
        this.#problems.push(...last.problems.filter(({ problem: { code } }) => code === 'D1024'));
      }
      const goOn = await this.#take(step, observed);
      observed = this.#observed ?? observed;
      if (!goOn) break;
      if (bindingWrite.has(step.do)) this.#bindings = stillBound(this.#bindings, observed);
      last = this.#plan(observed);
    }
    return this.#outcome(last, observed);
  }

  #outcome(last: Plan, observed: ObservedLoadBalancer): Pass {
    const { recorded } = this.#hold;
    const before = recorded.unclear ?? 0;
    const unclear = this.#retry === undefined ? 0 : before + (this.#retry.unclear === true ? 1 : 0);
    return {
      states: this.#states,
      observed,
      claims: claimsOf(
        { states: this.#states, complete: this.#complete, ruleOwners: this.#ruleOwners },
        observed,
      ),
      recorded: {
        bindings: this.#bindings,
        ...(this.#ruleOwners.length === 0 ? {} : { ruleOwners: this.#ruleOwners }),
        refusals: [
          ...this.#refused,
          ...last.problems.flatMap(({ object, problem: { code, severity, about } }): Refusal[] =>
            severity === 'error' && about?.listener !== undefined
              ? [
                  {
                    objectUid: object.uid,
                    code,
                    listener: about.listener,
                    ...(about.podUid === undefined ? {} : { podUid: about.podUid }),
                  },
                ]
              : [],
          ),
        ],
        reported: recorded.reported,
        ...(unclear === 0 ? {} : { unclear }),
        // After a write that is not read back, by its answer: names and settings are in no read-back, and whoever forgot
        // that they were changed would change them again, and meet the lock of that with the next write, for ever.
        loadBalancer: observed,
        wholeReadAt: this.#wholeReadAt,
      },
      problems: [...this.#problems, ...last.problems],
      unexplained: last.unexplained,
      ...(last.nextAt === undefined ? {} : { nextAt: last.nextAt }),
      ...(this.#retry === undefined
        ? {}
        : { retry: { ...this.#retry, readFirst: this.#retry.readFirst || this.#dirty } }),
    };
  }
}

/**
 * Listeners and targets: plan on what is known, carry out the first step, plan again, and read back when nothing is
 * left; done when the read-back leaves nothing to do.
 *
 * @throws ClbError `lost` when the hold is lost
 */
export const bringToState = (
  loadBalancerId: string,
  hold: Hold,
  deps: ReconcileDeps,
  options: PassOptions = {},
): Promise<Pass> => new Walk(loadBalancerId, hold, deps, options).run();
