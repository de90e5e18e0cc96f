import { childOf, isObject, type JsonObject, numberOf, objectsOf, setDefault, textOf } from '../json.ts';

const pullPolicy = (image: string): string => {
  const name = image.split('@')[0]?.split('/').at(-1) ?? '';
  const tag = image.includes('@') ? 'digest' : (name.split(':')[1] ?? 'latest');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
};

const completeHttpGet = (handler: JsonObject): void => {
  const httpGet = handler.httpGet;
  if (!isObject(httpGet)) return;
  setDefault(httpGet, 'path', '/');
  setDefault(httpGet, 'scheme', 'HTTP');
};

const completeProbe = (probe: JsonObject): void => {
  completeHttpGet(probe);
  if (isObject(probe.grpc)) setDefault(probe.grpc, 'service', '');
  setDefault(probe, 'timeoutSeconds', 1);
  setDefault(probe, 'periodSeconds', 10);
  setDefault(probe, 'successThreshold', 1);
  setDefault(probe, 'failureThreshold', 3);
};

/** What a container may use at most, it asks for, unless it asks for another amount. */
const completeResources = (resources: JsonObject): void => {
  if (!isObject(resources.limits)) return;
  const requests = childOf(resources, 'requests');
  for (const [name, amount] of Object.entries(resources.limits)) setDefault(requests, name, amount ?? null);
};

const completeContainer = (container: JsonObject): void => {
  completeResources(childOf(container, 'resources'));
  setDefault(container, 'terminationMessagePath', '/dev/termination-log');
  setDefault(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'imagePullPolicy', pullPolicy(textOf(container.image)));
  for (const port of objectsOf(container.ports)) setDefault(port, 'protocol', 'TCP');
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[name];
    if (isObject(probe)) completeProbe(probe);
  }
  const lifecycle = container.lifecycle;
  if (!isObject(lifecycle)) return;
  for (const name of ['preStop', 'postStart']) {
    const handler = lifecycle[name];
    if (isObject(handler)) completeHttpGet(handler);
  }
};

const completeVolume = (volume: JsonObject): void => {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) volume.emptyDir = {};
  for (const name of ['configMap', 'secret', 'projected', 'downwardAPI']) {
    const source = volume[name];
    if (isObject(source)) setDefault(source, 'defaultMode', 420);
  }
  const hostPath = volume.hostPath;
  if (isObject(hostPath)) setDefault(hostPath, 'type', '');
};

/** Fills in a Pod's spec, in a Pod or in a template, as the API server does. */
export const completePodSpec = (spec: JsonObject): void => {
  setDefault(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  if ((numberOf(spec.terminationGracePeriodSeconds) ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  setDefault(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'schedulerName', 'default-scheduler');
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const container of objectsOf(spec[list])) completeContainer(container);
  }
  for (const volume of objectsOf(spec.volumes)) completeVolume(volume);
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
};

/** Fills in the template of a workload. */
export const completeTemplate = (workloadSpec: JsonObject): void => {
  const template = childOf(workloadSpec, 'template');
  childOf(template, 'metadata');
  completePodSpec(childOf(template, 'spec'));
};
