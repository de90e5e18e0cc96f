import { stringify } from 'yaml';

/** A kubeconfig for one user of one cluster, as YAML. */
export const kubeconfigYaml = (cluster: {
  name: string;
  url: string;
  caPem: string | undefined;
  token: string;
}): string => {
  const { name, url, caPem, token } = cluster;
  const trust =
    caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, ...trust } }],
    users: [{ name: `${name}-admin`, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin`, namespace: 'default' } }],
    'current-context': name,
  });
};
