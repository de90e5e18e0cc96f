import type { Connection } from '../../../shared/kubernetes/connection.ts';
import { list, record, text } from '../../../shared/kubernetes/facts/read.ts';
import { KubernetesError } from '../../../shared/kubernetes/kubernetes-error.ts';
import { createObject, getObject, replaceObject } from '../../../shared/kubernetes/request.ts';
import type { WebhookSettings } from '../../../shared/process/config.ts';
import { pemBlocks } from './authority-secret.ts';

const collection = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
/** Path of the webhook when a Service leads to it. */
export const servicePath = '/mutate';

export interface Registration {
  readonly settings: Pick<WebhookSettings, 'configuration' | 'entry' | 'target'>;
  readonly ownNamespace: string;
  /** PEM. */
  readonly trust: string;
}

const clientConfig = ({ settings: { target }, ownNamespace }: Registration): object =>
  'url' in target
    ? { url: target.url }
    : { service: { namespace: ownNamespace, name: target.service, path: servicePath, port: 443 } };

/**
 * `Ignore`: a cluster whose forwarder is down goes on creating Pods; they lack the gate then. `IfNeeded`: containers
 * that other webhooks add later get their preStop too.
 */
const newEntry = (registration: Registration): Readonly<Record<string, unknown>> => ({
  name: registration.settings.entry,
  admissionReviewVersions: ['v1'],
  clientConfig: clientConfig(registration),
  failurePolicy: 'Ignore',
  matchPolicy: 'Equivalent',
  reinvocationPolicy: 'IfNeeded',
  sideEffects: 'None',
  timeoutSeconds: 2,
  namespaceSelector: {
    matchExpressions: [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', registration.ownNamespace],
      },
    ],
  },
  rules: [
    {
      operations: ['CREATE'],
      apiGroups: [''],
      apiVersions: ['v1'],
      resources: ['pods'],
      scope: 'Namespaced',
    },
  ],
});

/** What another replica added (a newer authority) counts too: two that share an entry must not undo each other. */
const trusts = (entry: unknown, trust: string): boolean => {
  const { caBundle } = record(record(entry)['clientConfig']);
  const trusted = pemBlocks(Buffer.from(text(caBundle) ?? '', 'base64').toString('utf8'));
  return pemBlocks(trust).every((certificate) => trusted.includes(certificate));
};

/** The entries with ours trusting what we serve with; undefined: it does so already. */
const withTrust = (entries: readonly unknown[], registration: Registration): unknown[] | undefined => {
  const caBundle = Buffer.from(registration.trust).toString('base64');
  const trusting = (entry: unknown): unknown => ({
    ...record(entry),
    clientConfig: { ...record(record(entry)['clientConfig']), caBundle },
  });
  const ours = entries.find((entry) => record(entry)['name'] === registration.settings.entry);
  if (ours === undefined) return [...entries, trusting(newEntry(registration))];
  if (trusts(ours, registration.trust)) return undefined;
  return entries.map((entry) => (entry === ours ? trusting(entry) : entry));
};

/**
 * Makes the API server call us, and trust us: our entry of the MutatingWebhookConfiguration gets our authority; the
 * entry, and the configuration, are made where they are missing. What an administrator set on it stays. A conflict
 * is an error like others: the caller comes again.
 *
 * @throws KubernetesError
 */
export const register = async (connection: Connection, registration: Registration): Promise<void> => {
  const { configuration } = registration.settings;
  const path = `${collection}/${encodeURIComponent(configuration)}`;
  const found = await getObject(connection, path).catch((error: unknown) => {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  });
  const webhooks = withTrust(list(record(found)['webhooks']), registration);
  if (webhooks === undefined) return;
  if (found !== undefined) {
    await replaceObject(connection, path, { ...record(found), webhooks });
    return;
  }
  await createObject(connection, collection, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: configuration },
    webhooks,
  });
};
