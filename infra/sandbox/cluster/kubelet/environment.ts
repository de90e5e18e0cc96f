import type { Addresses } from '../../addresses.ts';
import type { ImageProgram } from '../images/table.ts';
import type { Container, EnvVar, Pod } from '../objects.ts';

const fieldOf = (pod: Pod, podIp: string, hostIp: string, path: string): string => {
  const key = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (key !== null) return pod.metadata[key[1] === 'labels' ? 'labels' : 'annotations']?.[key[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'status.podIP': podIp,
    'status.hostIP': hostIp,
  };
  return fields[path] ?? '';
};

/** The ports a container listens on: the image's and the declared ones of its protocol. */
export const listeningPorts = (container: Container, image: ImageProgram): readonly number[] => {
  const declared = (container.ports ?? [])
    .filter((port) => (port.protocol ?? 'TCP') === image.protocol)
    .map((port) => port.containerPort);
  return [...new Set([...image.ports, ...declared])];
};

/**
 * The environment of a container's process: what Kubernetes would give, the declared variables, and where on loopback
 * the sockets of its ports live (`SANDBOX_SOCKETS`, JSON: port → `{host, port}`). Nothing else of this process's own.
 */
export const containerEnvironment = (
  pod: Pod,
  container: Container,
  image: ImageProgram,
  at: { readonly podIp: string; readonly hostIp: string; readonly addresses: Pick<Addresses, 'socketOf'> },
): Record<string, string> => {
  const sockets = Object.fromEntries(
    listeningPorts(container, image).map((port) => [port, at.addresses.socketOf(at.podIp, port)]),
  );
  const value = (variable: EnvVar): string => {
    const path = variable.valueFrom?.fieldRef?.fieldPath;
    return variable.value ?? (path === undefined ? '' : fieldOf(pod, at.podIp, at.hostIp, path));
  };
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
    POD_IP: at.podIp,
    POD_NAME: pod.metadata.name,
    POD_NAMESPACE: pod.metadata.namespace ?? 'default',
    ...image.env,
    ...Object.fromEntries((container.env ?? []).map((variable) => [variable.name, value(variable)])),
    SANDBOX_IMAGE: container.image,
    SANDBOX_SOCKETS: JSON.stringify(sockets),
  };
};
