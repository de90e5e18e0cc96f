import { expect, it } from 'vitest';
import { imageProgram } from '../images/table.ts';
import type { Container, Pod } from '../objects.ts';
import { containerEnvironment, listeningPorts } from './environment.ts';

const container: Container = {
  name: 'web',
  image: 'nginx:1.25',
  ports: [{ containerPort: 8080 }, { containerPort: 53, protocol: 'UDP' }],
  env: [
    { name: 'VERSION', value: 'v2' },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  ],
};
const pod: Pod = {
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    labels: { app: 'web' },
  },
  spec: { nodeName: 'n1', containers: [container] },
};

it('a container knows its Pod, its declared variables and its sockets, and nothing of the sandbox', () => {
  const image = imageProgram('docker.io/library/nginx:1.25');
  if (image === undefined) throw new Error('nginx is not in the table');
  const env = containerEnvironment(pod, container, image, {
    podIp: '10.40.0.1',
    hostIp: '10.40.128.1',
    addresses: { socketOf: (ip, port) => ({ host: ip.replace('10.', '127.'), port }) },
  });
  expect(env).toEqual({
    PATH: process.env['PATH'],
    HOSTNAME: 'web-1',
    POD_IP: '10.40.0.1',
    POD_NAME: 'web-1',
    POD_NAMESPACE: 'shop',
    VERSION: 'v2',
    NODE: 'n1',
    APP: 'web',
    SANDBOX_IMAGE: 'nginx:1.25',
    SANDBOX_SOCKETS: JSON.stringify({
      80: { host: '127.40.0.1', port: 80 },
      8080: { host: '127.40.0.1', port: 8080 },
    }),
  });
});

it('an image listens on its own ports and on the declared ones, each once', () => {
  const image = imageProgram('nginx');
  if (image === undefined) throw new Error('nginx is not in the table');
  expect(listeningPorts({ name: 'a', image: 'nginx' }, image)).toEqual([80]);
  expect(listeningPorts({ name: 'a', image: 'nginx', ports: [{ containerPort: 80 }] }, image)).toEqual([80]);
  expect(listeningPorts(container, image)).toEqual([80, 8080]);
  const udp = imageProgram('udp-echo');
  if (udp === undefined) throw new Error('udp-echo is not in the table');
  expect(listeningPorts(container, udp)).toEqual([7, 53]);
});

it('an image that is not in the table has no program', () => {
  expect(imageProgram('registry.example.com/team/app:v1')).toBeUndefined();
  expect(imageProgram('nginx@sha256:0123')?.ports).toEqual([80]);
  expect(imageProgram('constructor')).toBeUndefined();
});
