import type { KubernetesObject, Resource } from '../cluster/objects.ts';

export const ownNamespace = 'clb-direct';
export const webhookConfiguration = 'clb-direct';

export const webhookConfigurations: Resource<KubernetesObject> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

/**
 * As an administrator of a cluster would register it, an entry for each replica. With one replica `Fail`: while that
 * one starts again, better no new Pod for a second than one without the gate. With two `Ignore`, as the forwarder
 * registers itself: one dead replica loses no Pod, because the other adds what is missing. The forwarder adds the
 * authority of its certificate and keeps the rest.
 */
export const webhookObject = (replicas: readonly { readonly entry: string; readonly url: string }[]) => ({
  metadata: { name: webhookConfiguration },
  webhooks: replicas.map(({ entry, url }) => ({
    name: entry,
    admissionReviewVersions: ['v1'],
    clientConfig: { url },
    failurePolicy: replicas.length === 1 ? 'Fail' : 'Ignore',
    matchPolicy: 'Equivalent',
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'None',
    timeoutSeconds: 2,
    namespaceSelector: {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', ownNamespace] },
      ],
    },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
  })),
});
