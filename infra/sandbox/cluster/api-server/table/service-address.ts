import { objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { orNone, specOf, statusOf } from './columns.ts';

/** `status.loadBalancer.ingress` in one cell. */
export const loadBalancerText = (object: KubeObject): string =>
  objectsOf(objectOf(statusOf(object).loadBalancer).ingress)
    .map((ingress) => textOf(ingress.ip) || textOf(ingress.hostname))
    .filter((text) => text !== '')
    .join(',');

/** The EXTERNAL-IP of a Service. */
export const serviceAddress = (service: KubeObject): string => {
  const spec = specOf(service);
  const external = textsOf(spec.externalIPs);
  switch (spec.type) {
    case 'LoadBalancer': {
      const all = [loadBalancerText(service), ...external].filter((text) => text !== '').join(',');
      return all === '' ? '<pending>' : all;
    }
    case 'ExternalName':
      return textOf(spec.externalName);
    default:
      return orNone(external.join(','));
  }
};
