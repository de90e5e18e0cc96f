import type { Column } from './columns.ts';
import { coreColumns } from './columns-core.ts';
import { groupColumns } from './columns-groups.ts';

/** The columns of each resource that has its own, by collection key. */
export const columnsByResource: Readonly<Record<string, readonly Column[]>> = {
  ...coreColumns,
  ...groupColumns,
};
