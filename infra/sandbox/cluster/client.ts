import { createInformer, type Informer, type InformerOptions } from './informer.ts';
import { apiVersionOf, type Draft, type KubernetesObject, pathOf, type Resource } from './objects.ts';
import { type ClusterAccess, createTransport, type Transport } from './transport.ts';

export type PatchType = 'strategic' | 'merge' | 'json';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** Said in the error when the time is over. */
  readonly what?: string;
}

const patchMediaTypes: Record<PatchType, string> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
};

/**
 * A small Kubernetes client of the sandbox: plain HTTP, so it speaks to the in-process API server and to a real one.
 * Every call rejects with {@link ApiError} on an answer that is not 2xx, with the socket's error otherwise.
 */
export interface Client extends Transport {
  readonly access: ClusterAccess;
  get<T extends KubernetesObject>(of: Resource<T>, namespace: string, name: string): Promise<T>;
  list<T extends KubernetesObject>(
    of: Resource<T>,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string }>;
  create<T extends KubernetesObject>(of: Resource<T>, namespace: string, object: Draft<T>): Promise<T>;
  update<T extends KubernetesObject>(of: Resource<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends KubernetesObject>(
    of: Resource<T>,
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    subresource?: string,
  ): Promise<T>;
  /** Resolves to what the server answered: the object as it is left, or a Status. */
  delete<T extends KubernetesObject>(
    of: Resource<T>,
    namespace: string,
    name: string,
    options?: DeleteOptions,
  ): Promise<T>;
  /** A reliable list and watch, kept as a cache; see {@link Informer}. */
  watch<T extends KubernetesObject>(of: Resource<T>, options?: InformerOptions<T>): Informer<T>;
  /** Resolves with the object as soon as the condition holds; `undefined` is what is absent. Default 30 s. */
  waitFor<T extends KubernetesObject>(
    of: Resource<T>,
    namespace: string,
    name: string,
    condition: (object: T | undefined) => boolean,
    options?: WaitOptions,
  ): Promise<T | undefined>;
}

export const createClient = (access: ClusterAccess): Client => {
  const transport = createTransport(access);
  const { request } = transport;
  return {
    access,
    ...transport,
    get: (of, namespace, name) => request('GET', pathOf(of, namespace, name)),
    list: async <T extends KubernetesObject>(of: Resource<T>, options: ListOptions = {}) => {
      const query = new URLSearchParams();
      if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
      if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
      const answer = await request<{ items?: T[]; metadata: { resourceVersion: string } }>(
        'GET',
        `${pathOf(of, options.namespace)}${query.size === 0 ? '' : `?${query}`}`,
      );
      return { items: answer.items ?? [], resourceVersion: answer.metadata.resourceVersion };
    },
    create: (of, namespace, object) =>
      request('POST', pathOf(of, namespace), { apiVersion: apiVersionOf(of), kind: of.kind, ...object }),
    update: (of, object, subresource) => {
      const path = pathOf(of, object.metadata.namespace, object.metadata.name);
      return request('PUT', subresource === undefined ? path : `${path}/${subresource}`, {
        ...object,
        apiVersion: apiVersionOf(of),
        kind: of.kind,
      });
    },
    patch: (of, namespace, name, type, body, subresource) => {
      const path = pathOf(of, namespace, name);
      return request(
        'PATCH',
        subresource === undefined ? path : `${path}/${subresource}`,
        body,
        patchMediaTypes[type],
      );
    },
    delete: (of, namespace, name, options = {}) =>
      request('DELETE', pathOf(of, namespace, name), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...options,
      }),
    watch: (of, options = {}) => createInformer(transport, of, options),
    waitFor: (of, namespace, name, condition, { timeoutMs = 30_000, what } = {}) =>
      new Promise((resolve, reject) => {
        const informer = createInformer(transport, of, {
          ...(of.namespaced ? { namespace } : {}),
          fieldSelector: `metadata.name=${name}`,
        });
        const look = (): void => {
          const object = informer.get(namespace, name);
          let holds = false;
          try {
            holds = condition(object);
          } catch (error) {
            end();
            reject(error);
            return;
          }
          if (!holds) return;
          end();
          resolve(object);
        };
        const timer = setTimeout(() => {
          const last = JSON.stringify(informer.get(namespace, name));
          end();
          reject(
            new Error(
              `${what ?? `a condition of ${of.plural} ${namespace}/${name}`} did not hold within ${timeoutMs} ms; last seen: ${last}`,
            ),
          );
        }, timeoutMs);
        const end = (): void => {
          clearTimeout(timer);
          informer.close();
        };
        informer.onChange(look);
        informer.synced.then(look, () => undefined);
      }),
  };
};
