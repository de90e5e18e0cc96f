import { ApiError } from '../api-error.ts';
import { apiTime } from '../ids.ts';
import { endPortOf, type Layer7Listener, type Listener, type LoadBalancer } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import { integer, list, structure, text, word } from '../schema/fields.ts';
import { type Action, type Answer, action } from './action.ts';
import { targetIdOf } from './target-id.ts';

type Filter = { readonly Name: string; readonly Values: readonly string[] };

/** @throws ApiError InvalidParameterValue.InvalidFilter, whether there is something to filter or not */
const checkFilter = ({ Name }: Filter): void => {
  if (['location-id', 'private-ip-address', 'tag'].includes(Name)) return;
  throw new ApiError('InvalidParameterValue.InvalidFilter', `The filter \`${Name}\` is not valid.`);
};

const passes = (target: Target, pool: Pool, { Name, Values }: Filter): boolean => {
  if (Name === 'location-id') return Values.includes(pool.locationId);
  return Values.includes(Name === 'tag' ? target.tag : target.ip);
};

const backendShape = (target: Target, lb: LoadBalancer): Answer => ({
  Type: target.instanceId === '' ? 'ENI' : 'CVM',
  InstanceId: target.instanceId,
  Port: target.port,
  Weight: target.weight,
  PublicIpAddresses: null,
  PrivateIpAddresses: [target.ip],
  InstanceName: null,
  RegisteredTime: apiTime(target.registeredAt),
  EniId: target.eniId,
  Tag: target.tag,
  Zone: `${lb.region}-1`,
});

const backendsOf = (pool: Pool, lb: LoadBalancer, filters: readonly Filter[]): Answer[] =>
  [...pool.targets]
    .filter((target) => filters.every((filter) => passes(target, pool, filter)))
    .map((target) => backendShape(target, lb));

/** The rules that a `location-id` filter leaves, each with its targets. */
const rulesOf = ({ rules }: Layer7Listener, lb: LoadBalancer, filters: readonly Filter[]): Answer[] =>
  [...rules.values()]
    .filter(({ id }) => filters.every(({ Name, Values }) => Name !== 'location-id' || Values.includes(id)))
    .map(({ id, domains, url, pool }) => ({
      LocationId: id,
      Domain: domains[0] ?? '',
      Url: url,
      Targets: backendsOf(pool, lb, filters),
      FunctionTargets: [],
    }));

const describeTargets = action(
  'DescribeTargets',
  structure(
    { LoadBalancerId: text() },
    {
      ListenerIds: list(text(), { max: 20 }),
      Protocol: word('TCP', 'UDP', 'HTTP', 'HTTPS', 'TCP_SSL', 'QUIC'),
      Port: integer(1, 65_535),
      Filters: list(structure({ Name: text(), Values: list(text()) }, {})),
    },
  ),
  (asked, engine, { region }) => {
    const lb = engine.store.get(asked.LoadBalancerId, region);
    const { ListenerIds: ids, Filters: filters = [] } = asked;
    filters.forEach(checkFilter);
    const listeners = [...lb.listeners.values()].filter(
      ({ id, protocol, port }) =>
        (ids === undefined || ids.length === 0 || ids.includes(id)) &&
        (asked.Protocol === undefined || protocol === asked.Protocol) &&
        (asked.Port === undefined || port === asked.Port),
    );
    return {
      Listeners: listeners.map((listener) => ({
        ListenerId: listener.id,
        Protocol: listener.protocol,
        Port: listener.port,
        Rules: listener.layer === 4 ? null : rulesOf(listener, lb, filters),
        Targets: listener.layer === 4 ? backendsOf(listener.pool, lb, filters) : null,
        EndPort: endPortOf(listener),
      })),
    };
  },
);

const describeTargetHealth = action(
  'DescribeTargetHealth',
  structure(
    { LoadBalancerIds: list(text(), { min: 1, max: 30 }) },
    { ListenerIds: list(text()), LocationIds: list(text()) },
  ),
  (asked, engine, { region }) => {
    const { ListenerIds: listenerIds, LocationIds: locationIds } = asked;
    const skip = engine.settings.unknownLoadBalancerInHealth === 'skip';
    const found = asked.LoadBalancerIds.flatMap((id) => {
      const lb = skip ? engine.store.find(id, region) : engine.store.get(id, region);
      return lb === undefined ? [] : [lb];
    });
    const wanted = (ids: readonly string[] | undefined, id: string): boolean =>
      ids === undefined || ids.length === 0 || ids.includes(id);
    const health = (target: Target): Answer => ({
      IP: target.ip,
      Port: target.port,
      HealthStatus: target.health === 'Alive',
      TargetId: targetIdOf(target, engine.settings),
      HealthStatusDetail: target.health,
      HealthStatusDetial: target.health,
      TargetGroupId: '',
      Weight: target.weight,
    });
    const rules = (listener: Listener): Answer[] => {
      const shape = (pool: Pool, Domain: string | null, Url: string | null): Answer[] =>
        wanted(locationIds, pool.locationId)
          ? [
              {
                LocationId: pool.locationId,
                Domain,
                Url,
                RuleId: null,
                Targets: [...pool.targets].map(health),
              },
            ]
          : [];
      // A layer-4 listener has one rule that nothing else shows.
      if (listener.layer === 4) return shape(listener.pool, null, null);
      return [...listener.rules.values()].flatMap(({ pool, domains, url }) =>
        shape(pool, domains[0] ?? '', url),
      );
    };
    const filtered = locationIds !== undefined && locationIds.length > 0;
    return {
      LoadBalancers: found.map((lb) => ({
        LoadBalancerId: lb.id,
        LoadBalancerName: lb.name,
        Listeners: [...lb.listeners.values()]
          .filter(({ id }) => wanted(listenerIds, id))
          .map((listener) => ({
            ListenerId: listener.id,
            ListenerName: listener.name,
            Protocol: listener.protocol,
            Port: listener.port,
            Rules: rules(listener),
          }))
          .filter(({ Rules }) => !filtered || Rules.length > 0),
      })),
    };
  },
);

export const describeTargetActions = (): Action[] => [describeTargets, describeTargetHealth];
