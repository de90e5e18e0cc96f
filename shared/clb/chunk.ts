import type { Spot } from '../model/bound-places.ts';
import { limits } from './limits.ts';

/** Splits into rows of at most `max`, in order; never an empty row. */
export const chunk = <T>(items: readonly T[], max: number): readonly (readonly T[])[] => {
  if (!Number.isInteger(max) || max < 1) throw new RangeError(`cannot split into rows of ${max}`);
  const rows: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += max) rows.push(items.slice(at, at + max));
  return rows;
};

/** Groups by key; groups and members in order of appearance. */
export const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
};

/** The entries of one BatchModifyTargetWeight call: a listener or a rule, and some of its targets. */
export type WeightCall<T> = readonly (Spot & { readonly targets: readonly T[] })[];

/** Calls of at most 100 entries and 500 targets; an entry is one listener or rule with at most 50 of its targets. */
export const chunkWeights = <T extends Spot>(items: readonly T[]): readonly WeightCall<T>[] => {
  const calls: WeightCall<T>[number][][] = [];
  let room = 0;
  for (const group of groupBy(items, ({ listenerId, locationId }) =>
    JSON.stringify([listenerId, locationId]),
  )) {
    for (let at = 0; at < group.length; ) {
      let call = calls.at(-1);
      if (call === undefined || room === 0 || call.length === limits.weightEntries) {
        call = [];
        calls.push(call);
        room = limits.weightTargets;
      }
      const targets = group.slice(at, at + Math.min(limits.weightTargetsPerEntry, room));
      const { listenerId = '', locationId } = group[0] ?? {};
      call.push({ listenerId, ...(locationId === undefined ? {} : { locationId }), targets });
      room -= targets.length;
      at += targets.length;
    }
  }
  return calls;
};
