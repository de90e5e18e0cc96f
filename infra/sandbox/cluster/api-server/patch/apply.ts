import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json, type JsonObject, listOf } from '../json.ts';
import { mergePatch } from './merge-patch.ts';
import type { MergeSchema } from './merge-schema.ts';
import { strategicMergePatch } from './strategic-merge.ts';

const identity = (element: Json, key: string): Json | undefined =>
  isObject(element) ? element[key] : undefined;

const withdrawnElements = (
  before: readonly Json[],
  now: readonly Json[],
  key: string,
  schema: MergeSchema,
): Json[] =>
  before.flatMap((element): Json[] => {
    const id = identity(element, key);
    if (id === undefined || !isObject(element)) return [];
    const still = now.find((other) => isDeepStrictEqual(identity(other, key), id));
    if (!isObject(still)) return [{ [key]: id, $patch: 'delete' }];
    return [{ ...withdrawn(element, still, schema), [key]: id }];
  });

/** The strategic merge patch that takes away what was applied `before` and is not applied `now`. */
const withdrawn = (before: JsonObject, now: JsonObject, schema: MergeSchema): JsonObject => {
  const patch: JsonObject = {};
  for (const [field, value] of Object.entries(before)) {
    const next = now[field];
    const list = schema.lists?.[field];
    if (Array.isArray(value) && list !== undefined) {
      if (list.key !== undefined) {
        patch[field] = withdrawnElements(value, listOf(next), list.key, list.element ?? {});
      } else {
        patch[`$deleteFromPrimitiveList/${field}`] = value.filter(
          (element) => !listOf(next).includes(element),
        );
      }
    } else if (isObject(value) && isObject(next)) {
      patch[field] = withdrawn(value, next, schema.fields?.[field] ?? {});
    } else if (isObject(value)) {
      patch[field] = withdrawn(value, {}, schema.fields?.[field] ?? {});
    } else if (next === undefined) patch[field] = null;
  }
  return patch;
};

const ledgerMax = 10_000;

/**
 * Server-side apply as kubectl needs it: what a manager applies is merged; what the same manager applied before and
 * no longer does is taken away, unless another manager applies it too. Conflicts between managers are not reported:
 * every apply is forced.
 */
export class Applied {
  readonly #ledger = new Map<string, Map<string, JsonObject>>();

  /** What an apply makes of a document. */
  apply(document: JsonObject, uid: string, manager: string, config: JsonObject, schema: MergeSchema): Json {
    const managers = this.#ledger.get(uid);
    const before = managers?.get(manager);
    const others = [...(managers ?? [])].filter(([name]) => name !== manager).map(([, applied]) => applied);
    const kept = others.reduce<Json>((sum, applied) => mergePatch(sum, applied), config);
    const cleared =
      before === undefined
        ? document
        : strategicMergePatch(document, withdrawn(before, isObject(kept) ? kept : {}, schema), schema);
    return strategicMergePatch(isObject(cleared) ? cleared : document, config, schema);
  }

  /** Remembers what a manager applied. */
  record(uid: string, manager: string, config: JsonObject): void {
    const managers = this.#ledger.get(uid) ?? new Map<string, JsonObject>();
    managers.set(manager, config);
    this.#ledger.delete(uid);
    this.#ledger.set(uid, managers);
    const [oldest] = this.#ledger.keys();
    if (this.#ledger.size > ledgerMax && oldest !== undefined) this.#ledger.delete(oldest);
  }
}
