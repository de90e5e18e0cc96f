import type { LiveView } from '../../shared/kubernetes/view.ts';
import type { Clock } from '../../shared/model/clock.ts';
import { lanes } from '../../shared/model/desired-state.ts';
import { type Metrics, watchedResources } from '../../shared/process/metrics.ts';
import type { Dispatch } from './dispatch.ts';
import type { Watches } from './watches.ts';

export interface LookedAt {
  readonly metrics: Metrics;
  readonly view: Pick<LiveView, 'sizes'>;
  /** Absent: workers take what is due themselves. */
  readonly dispatch: Pick<Dispatch, 'waitingIn'> | undefined;
  readonly feeder: { isComplete(): boolean };
  readonly watches: Pick<Watches, 'counters'>;
  readonly isLeading: () => boolean;
  readonly synced: boolean;
  readonly clock: Clock;
}

export const lookAtBacklog = (metrics: Metrics, dispatch: LookedAt['dispatch']): void => {
  for (const lane of lanes) metrics.set('clb_direct_backlog', { lane }, dispatch?.waitingIn(lane) ?? 0);
};

export const lookAtProcess = (metrics: Metrics): void => {
  const { user, system } = process.cpuUsage();
  metrics.total('process_cpu_seconds_total', {}, (user + system) / 1_000_000);
  metrics.set('process_resident_memory_bytes', {}, process.memoryUsage.rss());
};

/** What is only looked at when somebody scrapes: it costs nothing in between. */
export const lookAt = (looked: LookedAt): void => {
  const { metrics, view, dispatch, feeder, watches, isLeading, synced, clock } = looked;
  metrics.set('clb_direct_leading', {}, Number(isLeading()));
  metrics.set('clb_direct_synced', {}, Number(synced));
  metrics.set('clb_direct_complete', {}, Number(feeder.isComplete()));
  const { pods, services, endpointSlices, ingresses, nodes } = view.sizes();
  metrics.set('clb_direct_objects', { resource: 'pods' }, pods);
  metrics.set('clb_direct_objects', { resource: 'services' }, services);
  metrics.set('clb_direct_objects', { resource: 'endpointslices' }, endpointSlices);
  metrics.set('clb_direct_objects', { resource: 'ingresses' }, ingresses);
  metrics.set('clb_direct_objects', { resource: 'nodes' }, nodes);
  lookAtBacklog(metrics, dispatch);
  lookAtProcess(metrics);
  const counters = watches.counters();
  for (const resource of watchedResources) {
    const { lists, events, unreadable, restarts, lastHeardAt } = counters[resource];
    metrics.total('clb_direct_watch_lists_total', { resource }, lists);
    metrics.total('clb_direct_watch_events_total', { resource }, events);
    metrics.total('clb_direct_watch_unreadable_total', { resource }, unreadable);
    for (const [reason, count] of Object.entries(restarts)) {
      metrics.total('clb_direct_watch_restarts_total', { resource, reason }, count);
    }
    const silentMs = Math.max(0, clock.now() - lastHeardAt);
    metrics.set('clb_direct_watch_silence_seconds', { resource }, silentMs / 1_000);
  }
};
