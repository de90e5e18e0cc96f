import type { Client } from '../client.ts';
import type { EventRecorder } from '../event-recorder.ts';
import type { Sources } from './sources.ts';

/** What every controller is given. */
export interface ControllerContext {
  readonly client: Client;
  readonly sources: Sources;
  readonly record: EventRecorder;
  readonly times: ControllerTimes;
}

/** How the controllers behave in time; milliseconds. */
export interface ControllerTimes {
  /** EndpointSlices follow their Pods this much later, at random in between. */
  readonly endpointsDelayMs: readonly [number, number];
  /** A node whose Lease is older than this is not Ready. */
  readonly nodeMonitorGraceMs: number;
  /** Pods of a node that does not exist are removed after this. */
  readonly orphanedPodMs: number;
}

export interface Controller {
  close(): void;
}

export const usualControllerTimes: ControllerTimes = {
  endpointsDelayMs: [20, 100],
  nodeMonitorGraceMs: 50_000,
  orphanedPodMs: 40_000,
};
