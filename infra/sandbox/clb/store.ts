import { ApiError, loadBalancerNotFound } from './api-error.ts';
import type { Layer7Listener, Listener, LoadBalancer, Rule } from './load-balancer.ts';

const idFormat = /^lb-[0-9a-z]{8}$/;

/** The load balancers of the account. Ids belong to a region: another region does not know them. */
export class Store {
  readonly #loadBalancers = new Map<string, LoadBalancer>();

  get all(): Iterable<LoadBalancer> {
    return this.#loadBalancers.values();
  }

  inRegion(region: string): LoadBalancer[] {
    return [...this.#loadBalancers.values()].filter((lb) => lb.region === region);
  }

  add(loadBalancer: LoadBalancer): void {
    this.#loadBalancers.set(loadBalancer.id, loadBalancer);
  }

  remove(id: string): void {
    this.#loadBalancers.delete(id);
  }

  find(id: string, region: string): LoadBalancer | undefined {
    const found = this.#loadBalancers.get(id);
    return found?.region === region ? found : undefined;
  }

  /** @throws ApiError InvalidParameter.FormatError, InvalidParameter.LBIdNotFound */
  get(id: string, region: string): LoadBalancer {
    if (!idFormat.test(id)) {
      throw new ApiError('InvalidParameter.FormatError', `The format of LoadBalancerId ${id} is not valid.`);
    }
    const found = this.find(id, region);
    if (found === undefined) throw loadBalancerNotFound(id);
    return found;
  }
}

/** A listener of a load balancer, for writes. @throws ApiError with the code that the action has for it */
export const getListener = (
  loadBalancer: LoadBalancer,
  listenerId: string,
  code = 'InvalidParameter',
): Listener => {
  const found = loadBalancer.listeners.get(listenerId);
  if (found === undefined) {
    throw new ApiError(code, `ListenerId ${listenerId} not found in ${loadBalancer.id}.`);
  }
  return found;
};

/**
 * A listener that has rules, for writes of rules and domains.
 *
 * @throws ApiError InvalidParameter, InvalidParameterValue
 */
export const getLayer7Listener = (loadBalancer: LoadBalancer, listenerId: string): Layer7Listener => {
  const found = getListener(loadBalancer, listenerId);
  if (found.layer === 4) {
    // Seen with this code by a user of the Terraform provider (its issue 37).
    throw new ApiError('InvalidParameterValue', 'This interface only support HTTP/HTTPS listener.');
  }
  return found;
};

/** @throws ApiError with the code that the action has for a rule that is not there */
export const getRule = (listener: Layer7Listener, locationId: string, code = 'InvalidParameter'): Rule => {
  const found = listener.rules.get(locationId);
  if (found === undefined) throw new ApiError(code, `LocationId ${locationId} not found in ${listener.id}.`);
  return found;
};
