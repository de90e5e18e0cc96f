import { randomBytes } from 'node:crypto';
import type { Client } from './client.ts';
import { apiVersionOf, events, type KubernetesObject, type Resource, timestamp } from './objects.ts';

/** Writes Events about objects, as a component; failures are silent, as in Kubernetes. */
export type EventRecorder = <T extends KubernetesObject>(
  of: Resource<T>,
  object: T,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void;

export const createEventRecorder =
  (client: Client, component: string, host?: string): EventRecorder =>
  (of, object, type, reason, message) => {
    const namespace = object.metadata.namespace ?? 'default';
    const now = timestamp();
    const event = {
      metadata: { name: `${object.metadata.name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: {
        apiVersion: apiVersionOf(of),
        kind: of.kind,
        name: object.metadata.name,
        ...(of.namespaced ? { namespace } : {}),
        uid: object.metadata.uid,
        resourceVersion: object.metadata.resourceVersion,
      },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
    };
    client.create(events, namespace, event).catch(() => undefined);
  };
