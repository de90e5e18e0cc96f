import { endPortOf, type Listener, type LoadBalancer } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import { list, structure, text } from '../schema/fields.ts';
import { type Action, type Answer, action } from './action.ts';

const targetShape = ({ instanceId, ip, port, weight }: Target): Answer => ({
  Type: instanceId === '' ? 'eni' : 'cvm',
  PrivateIp: ip,
  Port: port,
  VpcId: 1,
  Weight: weight,
});

/** Where some addresses are bound: only those load balancers, listeners, rules and targets are shown. */
const boundShape = (lb: LoadBalancer, ips: ReadonlySet<string>): Answer[] => {
  const targetsOf = (pool: Pool): Answer[] =>
    [...pool.targets].filter(({ ip }) => ips.has(ip)).map(targetShape);
  const listenerShape = (listener: Listener): Answer[] => {
    const { id: ListenerId, protocol: Protocol, port: Port } = listener;
    const own = { ListenerId, Protocol, Port, EndPort: endPortOf(listener) };
    if (listener.layer === 4) {
      const Targets = targetsOf(listener.pool);
      return Targets.length === 0 ? [] : [{ ...own, Rules: null, Targets }];
    }
    const Rules = [...listener.rules.values()].flatMap(({ id, domains, url, pool }) => {
      const Targets = targetsOf(pool);
      return Targets.length === 0 ? [] : [{ LocationId: id, Domain: domains[0] ?? '', Url: url, Targets }];
    });
    return Rules.length === 0 ? [] : [{ ...own, Rules, Targets: null }];
  };
  const Listeners = [...lb.listeners.values()].flatMap(listenerShape);
  return Listeners.length === 0 ? [] : [{ LoadBalancerId: lb.id, Vip: lb.vip, Region: lb.region, Listeners }];
};

const describeLBListeners = action(
  'DescribeLBListeners',
  structure({ Backends: list(structure({ VpcId: text(), PrivateIp: text() }, {}), { min: 1 }) }, {}),
  ({ Backends }, engine, { region }) => {
    const ips = (vpcId: string): ReadonlySet<string> =>
      new Set(Backends.filter(({ VpcId }) => VpcId === vpcId).map(({ PrivateIp }) => PrivateIp));
    return {
      LoadBalancers: engine.store.inRegion(region).flatMap((lb) => boundShape(lb, ips(lb.vpcId))),
    };
  },
);

export const lookUpActions = (): Action[] => [describeLBListeners];
