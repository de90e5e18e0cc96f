import type { Policy } from '../../../shared/model/plan-types.ts';
import type { HistoryEvent } from '../../sandbox/scenario/history.ts';
import type { PodTimeline } from '../../sandbox/scenario/pod-timeline.ts';
import { type PodState, RunState } from '../../sandbox/scenario/run-state.ts';
import { describeEvent, shortName } from '../../sandbox/screen/describe-event.ts';
import { answerText } from './answer-text.ts';
import { type CorePoint, CoreReplay } from './core.ts';
import type { RecordedRun } from './read-history.ts';

/** One entry of the time line. */
export interface StoryEntry {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  /** `core`: what the pure core answers at this point. `failure`: a request failed. */
  readonly kind: 'stage' | 'event' | 'call' | 'log' | 'failure' | 'core';
  readonly text: string;
  /** What belongs to it: the core's steps; for a failure, each Pod as it was at that moment. */
  readonly details: readonly string[];
}

export interface StoryFilter {
  /** Only what concerns Pods whose names contain this; stages and failures always. */
  readonly pod?: string;
  /** Milliseconds since the run began. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

export interface Story {
  readonly entries: readonly StoryEntry[];
  /** The lives of the Pods, as far as the whole history tells them. */
  readonly pods: readonly PodTimeline[];
  /** CLB calls by action and answer, e.g. `CreateListener OK`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly failures: number;
  /** Answers of the pure core: none without a desired state. */
  readonly points: number;
}

const podText = ({ pod, targets }: PodState, deletedMs: number | undefined, atMs: number): string => {
  const life =
    deletedMs === undefined
      ? `${pod.phase}${pod.ready ? ' Ready' : pod.containersReady ? ' containers ready' : ''}`
      : `Terminating for ${((atMs - deletedMs) / 1000).toFixed(1)} s`;
  const bound = targets
    .map(
      ({ weight, health, rule }) =>
        `weight ${weight} ${health}${rule === undefined ? '' : ` behind ${rule}`}`,
    )
    .join(', ');
  const waits = pod.gate === 'closed' && pod.gateMessage !== '' ? ` (${pod.gateMessage})` : '';
  return `Pod ${shortName(pod.name)} ${pod.version} ${pod.ip ?? 'no address'}: ${life}, gate ${pod.gate}${waits}, ${bound || 'unbound'}`;
};

/** Only the severity and the message of a line of the project's own log. */
const logText = (line: string): string | undefined => {
  try {
    const { level, message, error }: { level?: unknown; message?: unknown; error?: { message?: unknown } } =
      JSON.parse(line);
    if (level !== 'WARN' && level !== 'ERROR') return undefined;
    const cause = typeof error?.message === 'string' ? `: ${error.message}` : '';
    return `${level} ${String(message)}${cause}`;
  } catch {
    // Whoever does not write JSON writes because it cannot go on: a stack, say.
    return line.trim() === '' ? undefined : line;
  }
};

const isRead = (action: string): boolean => action.startsWith('Describe');

class Storyteller {
  readonly #run: RecordedRun;
  readonly #filter: StoryFilter;
  readonly #core: CoreReplay;
  readonly #state = new RunState();
  readonly #entries: StoryEntry[] = [];
  readonly #calls: Record<string, number> = {};
  #failures = 0;
  #points = 0;

  constructor(run: RecordedRun, policy: Policy, filter: StoryFilter) {
    this.#run = run;
    this.#filter = filter;
    this.#core = new CoreReplay(policy);
  }

  tell(): Story {
    for (const event of this.#run.events) {
      this.#state.add(event);
      this.#add(event);
      for (const point of this.#core.add(event)) this.#addPoint(point);
    }
    return {
      entries: this.#entries,
      pods: this.#state.timelines.filter(({ name }) => this.#isWanted(name)),
      calls: this.#calls,
      failures: this.#failures,
      points: this.#points,
    };
  }

  #isWanted(podName: string | undefined): boolean {
    return this.#filter.pod === undefined || podName?.includes(this.#filter.pod) === true;
  }

  /** Whether an event is about a Pod that is asked for; what is about no Pod at all is not. */
  #concerns(event: HistoryEvent): boolean {
    if (this.#filter.pod === undefined) return true;
    if (event.type === 'pod') return this.#isWanted(event.pod.name);
    if (event.type === 'target' || event.type === 'health')
      return this.#isWanted(this.#state.podAt(event.ip));
    if (event.type === 'kubernetes-event') return event.about.includes(this.#filter.pod);
    return false;
  }

  #push(timeMs: number, kind: StoryEntry['kind'], text: string, details: readonly string[] = []): void {
    const atMs = timeMs - this.#run.header.startedMs;
    const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = this.#filter;
    if (atMs >= fromMs && atMs <= toMs) this.#entries.push({ atMs, kind, text, details });
  }

  #add(event: HistoryEvent): void {
    const { timeMs } = event;
    if (event.type === 'call') {
      const answered = `${event.action} ${event.code}`;
      this.#calls[answered] = (this.#calls[answered] ?? 0) + 1;
      if (isRead(event.action) && event.code === 'OK') return;
      const concerns =
        this.#filter.pod === undefined || this.#podsIn(event).some((name) => this.#isWanted(name));
      if (concerns) this.#push(timeMs, 'call', `CLB: ${answered} after ${event.ms} ms`);
      return;
    }
    if (event.type === 'log') {
      const text = this.#filter.pod === undefined ? logText(event.line) : undefined;
      if (text !== undefined) this.#push(timeMs, 'log', text);
      return;
    }
    const told = describeEvent(event, this.#state);
    if (event.type === 'failure') {
      this.#failures += 1;
      this.#push(timeMs, 'failure', told?.text ?? event.failure.detail, this.#podStates(timeMs));
    } else if (told !== undefined && (event.type === 'stage' || this.#concerns(event))) {
      this.#push(timeMs, event.type === 'stage' ? 'stage' : 'event', told.text);
    }
  }

  /** Names of the Pods whose addresses a call's parameters have. */
  #podsIn({ parameters }: Extract<HistoryEvent, { type: 'call' }>): (string | undefined)[] {
    const addresses = JSON.stringify(parameters).match(/\d+\.\d+\.\d+\.\d+/g) ?? [];
    return addresses.map((ip) => this.#state.podAt(ip));
  }

  #podStates(timeMs: number): string[] {
    const deleted = new Map(this.#state.timelines.map(({ uid, deletedMs }) => [uid, deletedMs]));
    return this.#state.pods
      .filter(({ pod }) => this.#isWanted(pod.name))
      .map((state) => podText(state, deleted.get(state.pod.uid), timeMs));
  }

  #addPoint(point: CorePoint): void {
    this.#points += 1;
    const details = answerText(point, this.#state);
    const names = this.#state.timelines.map(({ name }) => name).filter((name) => this.#isWanted(name));
    const wanted =
      this.#filter.pod === undefined ||
      names.some((name) => details.some((line) => line.includes(shortName(name))));
    if (wanted) this.#push(point.timeMs, 'core', `${point.cause} ${point.about}`, details);
  }
}

/** Tells a recorded run from its beginning: what happened, and what the pure core answers at each point of it. */
export const tellStory = (run: RecordedRun, policy: Policy, filter: StoryFilter = {}): Story =>
  new Storyteller(run, policy, filter).tell();
