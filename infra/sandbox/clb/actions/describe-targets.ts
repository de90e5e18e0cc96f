import { ApiError } from '../api-error.ts';
import { apiTime } from '../ids.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import { integer, list, structure, text, word } from '../schema/fields.ts';
import { type Action, type Answer, action } from './action.ts';

type Filter = { readonly Name: string; readonly Values: readonly string[] };

const passes = (target: Target, pool: Pool, { Name, Values }: Filter): boolean => {
  if (Name === 'location-id') return Values.includes(pool.locationId);
  if (Name === 'private-ip-address') return Values.includes(target.ip);
  if (Name === 'tag') return Values.includes(target.tag);
  throw new ApiError('InvalidParameterValue.InvalidFilter', `The filter \`${Name}\` is not valid.`);
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
    const listeners = [...lb.listeners.values()].filter(
      ({ id, protocol, port }) =>
        (ids === undefined || ids.length === 0 || ids.includes(id)) &&
        (asked.Protocol === undefined || protocol === asked.Protocol) &&
        (asked.Port === undefined || port === asked.Port),
    );
    return {
      Listeners: listeners.map(({ id, protocol, port, pool }) => ({
        ListenerId: id,
        Protocol: protocol,
        Port: port,
        Rules: null,
        Targets: [...pool.targets]
          .filter((target) => filters.every((filter) => passes(target, pool, filter)))
          .map((target) => backendShape(target, lb)),
        EndPort: 0,
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
      TargetId:
        target.instanceId !== ''
          ? target.instanceId
          : engine.settings.ipTargetId === 'eni'
            ? target.eniId
            : '',
      HealthStatusDetail: target.health,
      HealthStatusDetial: target.health,
      TargetGroupId: '',
      Weight: target.weight,
    });
    return {
      LoadBalancers: found.map((lb) => ({
        LoadBalancerId: lb.id,
        LoadBalancerName: lb.name,
        Listeners: [...lb.listeners.values()]
          .filter(({ id, pool }) => wanted(listenerIds, id) && wanted(locationIds, pool.locationId))
          .map(({ id, name, protocol, port, pool }) => ({
            ListenerId: id,
            ListenerName: name,
            Protocol: protocol,
            Port: port,
            // A layer-4 listener has one rule that nothing else shows.
            Rules: [
              {
                LocationId: pool.locationId,
                Domain: null,
                Url: null,
                RuleId: null,
                Targets: [...pool.targets].map(health),
              },
            ],
          })),
      })),
    };
  },
);

export const describeTargetActions = (): Action[] => [describeTargets, describeTargetHealth];
