/**
 * Which lists strategic merge patches merge, and by what: the `patchMergeKey` and `patchStrategy` tags of the API's Go
 * types. A list that is not named here is replaced as a whole.
 */
export interface MergeSchema {
  readonly fields?: Readonly<Record<string, MergeSchema>>;
  /** `key`: merged by that field of its elements; without: a set of plain values. */
  readonly lists?: Readonly<Record<string, { readonly key?: string; readonly element?: MergeSchema }>>;
}

const metadata: MergeSchema = { lists: { finalizers: {}, ownerReferences: { key: 'uid' } } };

const keyed = (key: string, element?: MergeSchema) => (element === undefined ? { key } : { key, element });

const container: MergeSchema = {
  lists: {
    ports: keyed('containerPort'),
    env: keyed('name'),
    volumeMounts: keyed('mountPath'),
    volumeDevices: keyed('devicePath'),
  },
};

const podSpec: MergeSchema = {
  lists: {
    containers: keyed('name', container),
    initContainers: keyed('name', container),
    ephemeralContainers: keyed('name', container),
    volumes: keyed('name'),
    imagePullSecrets: keyed('name'),
    hostAliases: keyed('ip'),
    topologySpreadConstraints: keyed('topologyKey'),
    resourceClaims: keyed('name'),
    schedulingGates: keyed('name'),
  },
};

const conditions: MergeSchema = { lists: { conditions: keyed('type') } };

const template: MergeSchema = { fields: { metadata, spec: podSpec } };

const workload: MergeSchema = { fields: { metadata, spec: { fields: { template } }, status: conditions } };

const plain: MergeSchema = { fields: { metadata } };

const byKind: Readonly<Record<string, MergeSchema>> = {
  Pod: {
    fields: {
      metadata,
      spec: podSpec,
      status: { lists: { conditions: keyed('type'), podIPs: keyed('ip'), hostIPs: {} } },
    },
  },
  Service: { fields: { metadata, spec: { lists: { ports: keyed('port') } }, status: conditions } },
  Node: {
    fields: {
      metadata,
      spec: { lists: { podCIDRs: {} } },
      status: { lists: { conditions: keyed('type'), addresses: keyed('type') } },
    },
  },
  Namespace: { fields: { metadata, status: conditions } },
  Deployment: workload,
  ReplicaSet: workload,
  StatefulSet: workload,
  DaemonSet: workload,
  PodDisruptionBudget: { fields: { metadata, status: conditions } },
  ServiceAccount: { ...plain, lists: { secrets: keyed('name') } },
  MutatingWebhookConfiguration: { ...plain, lists: { webhooks: keyed('name') } },
  ValidatingWebhookConfiguration: { ...plain, lists: { webhooks: keyed('name') } },
};

/** The merge rules of a kind. */
export const mergeSchemaOf = (kind: string): MergeSchema => byKind[kind] ?? plain;
