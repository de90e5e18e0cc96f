import type { FieldError } from '../field-errors.ts';
import type { KubeObject } from '../kube-object.ts';
import type { NameRule } from '../names.ts';
import type { FieldReader } from '../selectors.ts';
import { qualified, type ResourceName } from '../status-error.ts';
import type { ObjectStore } from '../store/store.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** What a strategy may look at beside the object. */
export interface StrategyContext {
  readonly store: ObjectStore;
  readonly nowMs: number;
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
}

/** How objects of one kind are completed and checked. Drafts may be changed; `old` is what is stored. */
export interface Strategy {
  /** Fills in what users and kubectl see. Runs on every write. */
  readonly complete?: (draft: KubeObject) => void;
  /** Before an object is created: initial status, addresses. */
  readonly prepareCreate?: (draft: KubeObject, context: StrategyContext) => void;
  /** Before an object is replaced: fields that are kept or follow others. */
  readonly prepareUpdate?: (draft: KubeObject, old: KubeObject, context: StrategyContext) => void;
  /** The faults of a new state; `old` is absent on create. */
  readonly validate?: (draft: KubeObject, old: KubeObject | undefined) => FieldError[];
  /** The faults of a write to the status subresource. */
  readonly validateStatus?: (draft: KubeObject, old: KubeObject) => FieldError[];
}

export interface ServedVersion {
  readonly version: string;
  /** From what this version's clients send to what is stored. Changes the draft. */
  readonly decode?: (draft: KubeObject) => void;
  /** From a copy of what is stored to what this version's clients read. Changes the draft. */
  readonly encode?: (draft: KubeObject) => void;
}

export type Subresource = 'binding' | 'eviction' | 'log' | 'scale' | 'status' | 'token';

/** One row of the table of resources. */
export interface ResourceDefinition extends ResourceName {
  /** The first is the preferred one and the one that is stored. */
  readonly versions: readonly [ServedVersion, ...ServedVersion[]];
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
  readonly nameRule: NameRule;
  /** `metadata.generation` counts the changes of everything but metadata and status. */
  readonly generation: boolean;
  /** What of the metadata it counts the changes of, too. */
  readonly generationCounts: readonly ('labels' | 'annotations')[];
  /** A PUT of what is not there creates it. */
  readonly createdByUpdate: boolean;
  /** A PUT must say which resourceVersion it replaces. */
  readonly updateNeedsVersion: boolean;
  /** Labels and annotations may be changed through the status subresource. */
  readonly statusMayLabel: boolean;
  /** A deletion is answered with the object instead of a Status. */
  readonly answersDeleted: boolean;
  readonly fields: Readonly<Record<string, FieldReader>>;
  readonly strategy: Strategy;
  /** Another resource's collection that this one is a second view of. */
  readonly storedIn?: string;
}

/** The key of a resource's collection: `pods`, `deployments.apps`. */
export const collectionKey = (definition: ResourceDefinition): string =>
  definition.storedIn ?? qualified(definition);

/** `v1`, `apps/v1` */
export const apiVersionOf = (definition: ResourceName, version: string): string =>
  definition.group === '' ? version : `${definition.group}/${version}`;

/** The group and version that is stored. */
export const storedApiVersion = (definition: ResourceDefinition): string =>
  apiVersionOf(definition, definition.versions[0].version);
