import type { JsonObject } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import type { Applied } from './patch/apply.ts';
import type { ResourceDefinition } from './resources/definition.ts';
import type { ObjectStore } from './store/store.ts';

/** Who a request comes from. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

/** One object of one resource. `namespace` is empty for what lives in none. */
export interface Target {
  readonly definition: ResourceDefinition;
  readonly namespace: string;
  readonly name: string;
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly target: Target;
  readonly subresource: string;
  readonly object: KubeObject;
  readonly oldObject: KubeObject | undefined;
  readonly dryRun: boolean;
  readonly user: User;
}

export interface Admission {
  /**
   * Runs the webhooks that match.
   *
   * @returns the object as they left it, and what they want the client to be told
   * @throws StatusError where one refuses, or fails and must not
   */
  admit(request: AdmissionRequest): Promise<{ object: KubeObject; warnings: readonly string[] }>;
}

/** What a request asks to do, as an authorizer sees it. */
export interface Attributes {
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  /** Empty for a path that is no resource. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The path of a request that is for no resource, e.g. `/version`. */
  readonly path: string;
}

export type Authorizer = (attributes: Attributes) => boolean;

export interface WatchSettings {
  /** How often a watch that asked for bookmarks gets one. */
  readonly bookmarkIntervalMs: number;
}

/** What every request handler works on. */
export interface ApiContext {
  readonly store: ObjectStore;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly serviceCidr: string;
  readonly admission: Admission;
  readonly authorize: Authorizer;
  readonly watch: WatchSettings;
  /** What each manager applied. */
  readonly applied: Applied;
  /** What a container wrote so far; undefined: it has not started. */
  readonly podLog: (pod: KubeObject, container: string) => string | undefined;
  /** Who a token stands for. @throws StatusError 401 */
  readonly identify: (token: string) => User;
  /** What a user may do in a namespace, as policy rules; undefined: there are no rules. */
  readonly rulesOf: ((user: User, namespace: string) => JsonObject[]) | undefined;
  /** Makes a token by which a ServiceAccount is known for a while. */
  readonly issueToken: (serviceAccount: KubeObject, seconds: number) => { token: string; expiresMs: number };
}

export interface WriteOptions {
  readonly user: User;
  /** Everything but the storing is done. */
  readonly dryRun: boolean;
}
