import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { lanes } from '../model/desired-state.ts';

/** Label → the values that it may have; none listed: any. */
type Labels = Readonly<Record<string, readonly string[]>>;

const anyText: readonly string[] = [];

const counter = <const L extends Labels>(help: string, labels: L) => ({
  kind: 'counter' as const,
  help,
  labels,
});
const gauge = <const L extends Labels>(help: string, labels: L) => ({ kind: 'gauge' as const, help, labels });
const histogram = <const L extends Labels>(help: string, labels: L, buckets: readonly number[]) => ({
  kind: 'histogram' as const,
  help,
  labels,
  buckets,
});

const quick = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const patient = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 300];
const functionNames = ['reconcile', 'readiness'] as const;

/** What the forwarder watches. */
export const watchedResources = [
  'pods',
  'services',
  'endpointslices',
  'ingresses',
  'ingressclasses',
  'nodes',
] as const;

/**
 * Every metric that we serve, in one place: what it is called, what it tells and how it is split.
 * docs/metrics.md is this table.
 */
export const metricTable = {
  clb_direct_leading: gauge('1 while this replica holds the Lease.', {}),
  clb_direct_synced: gauge('1 once each watch has told all there is.', {}),
  clb_direct_complete: gauge('1 once this leader has put every object.', {}),
  clb_direct_objects: gauge('Objects known from the watches.', {
    resource: watchedResources,
  }),
  clb_direct_watch_lists_total: counter('Lists begun; all but the first of a resource are relists.', {
    resource: watchedResources,
  }),
  clb_direct_watch_events_total: counter('Events of a watch, bookmarks among them.', {
    resource: watchedResources,
  }),
  clb_direct_watch_restarts_total: counter(
    'Ends of a list or a watch, by reason; expired is a 410 of the API server.',
    { resource: watchedResources, reason: anyText },
  ),
  clb_direct_watch_unreadable_total: counter('Objects that gave no fact.', {
    resource: watchedResources,
  }),
  clb_direct_watch_silence_seconds: gauge('Time since the last sign of life of the API server.', {
    resource: watchedResources,
  }),
  clb_direct_take_overs_total: counter('Epochs begun: a new leader, or a store that lost what it had.', {}),
  clb_direct_puts_total: counter(
    'Desired states sent to the store. Refused: the store has a newer one, or a newer leader. Failed: no answer.',
    { outcome: ['kept', 'refused', 'failed'] },
  ),
  clb_direct_gaps_total: counter(
    'Times that the count or the generation of the store said that puts are gone; everything was put again.',
    {},
  ),
  clb_direct_store_generations_total: counter(
    'Generations of the store seen after the first: each time another store, or one without its data.',
    {},
  ),
  clb_direct_change_to_put_seconds: histogram(
    'From a change in the watch to the desired state that the store kept because of it.',
    {},
    quick,
  ),
  clb_direct_rings_total: counter('Rings of the doorbell. Failed ones cost up to a second each.', {
    outcome: ['rung', 'failed'],
  }),
  clb_direct_backlog: gauge('Load balancers that wait for an invocation, by the lane they wait in.', {
    lane: lanes,
  }),
  clb_direct_due_wait_seconds: histogram(
    'From due (put, or its time came) to the invocation that takes the load balancer along.',
    { lane: lanes },
    quick,
  ),
  clb_direct_invocations_running: gauge('Invocations under way.', { function: functionNames }),
  clb_direct_invocations_total: counter('Invocations that ended.', {
    function: functionNames,
    outcome: ['answered', 'failed'],
  }),
  clb_direct_invocation_seconds: histogram(
    'How long invocations took.',
    { function: functionNames },
    patient,
  ),
  clb_direct_reconciles_total: counter('Load balancers in answers of the reconcile function, by outcome.', {
    outcome: ['done', 'retry', 'held', 'nothing', 'lost', 'failed'],
  }),
  clb_direct_gates_opened_total: counter('Readiness gates that the readiness function opened.', {}),
  clb_direct_pods_waiting: gauge('Pods with a closed gate, as the readiness function last answered.', {}),
  clb_direct_dead_letters: gauge('Desired states that cannot be read and are set aside.', {}),
  clb_direct_evidence_reads_total: counter(
    'Lists of all Pods, read to explain targets that nobody claims (law L5).',
    { outcome: ['read', 'failed'] },
  ),
  clb_direct_webhook_reviews_total: counter(
    'AdmissionReviews. Refused: malformed, too long or the wrong path; not-ready: the Services were not known.',
    { outcome: ['patched', 'unchanged', 'refused', 'not-ready', 'failed'] },
  ),
  process_resident_memory_bytes: gauge('Memory of the process.', {}),
  process_cpu_seconds_total: counter('CPU time of the process.', {}),
} as const;

type Table = typeof metricTable;
export type MetricName = keyof Table;
type NameOf<Kind> = { [N in MetricName]: Table[N]['kind'] extends Kind ? N : never }[MetricName];
type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Table[N]['labels']]: Table[N]['labels'][L] extends readonly (infer V extends string)[]
    ? V
    : never;
};

/** Counts what happens. Each is one map look-up and an addition: cheap enough for every event of a watch. */
export interface Metrics {
  count<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>, by?: number): void;
  /** For what is counted elsewhere: what a counter stands at now. */
  total<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>, value: number): void;
  set<N extends NameOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
  observe<N extends NameOf<'histogram'>>(name: N, labels: LabelsOf<N>, seconds: number): void;
  /** Called before each scrape, for what is only looked at then. */
  onScrape(look: () => void): void;
  /** The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Every combination of the values that labels may have; none when one of them may have any. */
const combinations = (labels: Labels): Record<string, string>[] =>
  Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [label, values]) => all.flatMap((some) => values.map((value) => ({ ...some, [label]: value }))),
    [{}],
  );

/** A registry of its own, never the global one: two forwarders in one process do not mix. */
export const createMetrics = (): Metrics => {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const looks: (() => void)[] = [];

  for (const [name, metric] of Object.entries(metricTable)) {
    const common = { name, help: metric.help, labelNames: Object.keys(metric.labels), registers: [registry] };
    // What is known to be possible begins at 0, so that its first time is a rise and not an appearance.
    if (metric.kind === 'counter') {
      const made = new Counter(common);
      for (const labels of combinations(metric.labels)) made.inc(labels, 0);
      counters.set(name, made);
    } else if (metric.kind === 'gauge') {
      const made = new Gauge(common);
      for (const labels of combinations(metric.labels)) made.set(labels, 0);
      gauges.set(name, made);
    } else {
      const made = new Histogram({ ...common, buckets: [...metric.buckets] });
      for (const labels of combinations(metric.labels)) made.zero(labels);
      histograms.set(name, made);
    }
  }

  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    total: (name, labels, value) => {
      const made = counters.get(name);
      made?.remove(labels);
      made?.inc(labels, value);
    },
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    observe: (name, labels, seconds) => histograms.get(name)?.observe(labels, Math.max(0, seconds)),
    onScrape: (look) => void looks.push(look),
    scrape: async () => {
      for (const look of looks) look();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
};
