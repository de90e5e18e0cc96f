import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import { integer, list, structure, text, word } from '../schema/fields.ts';
import { type Action, action } from './action.ts';
import { type DetailField, type DetailRow, detailFields, detailRows, isInner } from './detail-rows.ts';

type Filter = { readonly Name: string; readonly Values: readonly string[] };

/** The fields whose values the filters name. */
const filterFields: ReadonlyMap<string, DetailField> = new Map([
  ['loadbalancer-id', 'LoadBalancerId'],
  ['project-id', 'ProjectId'],
  ['network', 'LoadBalancerType'],
  ['vip', 'Address'],
  ['target-ip', 'TargetAddress'],
  ['vpcid', 'VpcId'],
  ['zone', 'Zone'],
  ['sla-type', 'SlaType'],
  ['exclusive', 'Exclusive'],
]);

/** @throws ApiError InvalidParameterValue.InvalidFilter */
const passing = ({ Name, Values }: Filter): ((row: DetailRow) => boolean) => {
  if (Name.startsWith('tag:')) {
    const key = Name.slice('tag:'.length);
    return ({ Tags }) => Tags.some(({ TagKey, TagValue }) => TagKey === key && Values.includes(TagValue));
  }
  if (Name === 'tag-key') return ({ Tags }) => Tags.some(({ TagKey }) => Values.includes(TagKey));
  if (Name === 'fuzzy-search') {
    return (row) => Values.some((part) => `${row.LoadBalancerName} ${row.Address ?? ''}`.includes(part));
  }
  const field = filterFields.get(Name);
  if (field === undefined) {
    throw new ApiError('InvalidParameterValue.InvalidFilter', `The filter \`${Name}\` is not valid.`);
  }
  return (row) => Values.includes(String(row[field]));
};

const noTarget: Partial<DetailRow> = {
  TargetId: null,
  TargetAddress: null,
  TargetPort: null,
  TargetWeight: null,
  TargetHealth: null,
};

/** One row of each that has the same key: the first. */
const distinct = (rows: readonly DetailRow[], keyOf: (row: DetailRow) => string): readonly DetailRow[] => {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const key = keyOf(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
};

/**
 * A load balancer is one row for each of its targets where something of a listener, a rule or a target is asked for
 * (without Fields: where TargetType says which targets), else one row. What is not asked for is null.
 */
const describeLoadBalancersDetail = (): Action => {
  /** What was read last of a region, for a while that is set. */
  const read = new Map<string, { readonly atMs: number; readonly rows: readonly DetailRow[] }>();
  return action(
    'DescribeLoadBalancersDetail',
    structure(
      {},
      {
        Limit: integer(1, 100),
        Offset: integer(0),
        Fields: list(word(...detailFields)),
        TargetType: word('NODE', 'GROUP'),
        Filters: list(structure({ Name: text(), Values: list(text()) }, {})),
      },
    ),
    (asked, engine, { region }) => {
      const { Limit = 20, Offset = 0, Fields, TargetType, Filters } = asked;
      const { emptyFilters, detailAgeMs } = engine.settings;
      if (Filters?.length === 0 && emptyFilters === 'refuse') throw wrongValue('Filters', []);
      const inner = Fields === undefined ? TargetType !== undefined : Fields.some(isInner);
      if (inner && TargetType === undefined) throw missingParameter('TargetType');
      const filters = (Filters ?? []).map(passing);

      const nowMs = engine.clock.nowMs();
      const known = read.get(region);
      const fresh = known === undefined || nowMs - known.atMs >= detailAgeMs;
      const all = fresh ? detailRows(engine, region) : known.rows;
      if (fresh) read.set(region, { atMs: nowMs, rows: all });

      let rows: readonly DetailRow[] = all.filter((row) => filters.every((filter) => filter(row)));
      if (!inner) rows = distinct(rows, (row) => row.LoadBalancerId);
      // The targets of target groups, of which there are none here.
      else if (TargetType === 'GROUP') {
        rows = distinct(rows, (row) => `${row.LoadBalancerId} ${row.ListenerId} ${row.LocationId}`).map(
          (row) => ({ ...row, ...noTarget }),
        );
      }
      const wanted = new Set<DetailField>(Fields ?? detailFields.filter((field) => inner || !isInner(field)));
      wanted.add('LoadBalancerId').add('LoadBalancerName');
      return {
        TotalCount: rows.length,
        LoadBalancerDetailSet: rows
          .slice(Offset, Offset + Limit)
          .map((row) =>
            Object.fromEntries(detailFields.map((field) => [field, wanted.has(field) ? row[field] : null])),
          ),
      };
    },
    { rangeCode: 'InvalidParameterValue.Range' },
  );
};

export const detailActions = (): Action[] => [describeLoadBalancersDetail()];
