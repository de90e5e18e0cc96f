import { tooLong } from '../api-error.ts';
import { list, structure, text, word } from '../schema/fields.ts';
import { type Action, action } from './action.ts';

const maxGroups = 50;

/** The whole list: what is not in it is taken away, and without one all are. */
const setLoadBalancerSecurityGroups = action(
  'SetLoadBalancerSecurityGroups',
  structure({ LoadBalancerId: text() }, { SecurityGroups: list(text(), { max: maxGroups }) }),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    engine.atOnce([lb.id], context, () => {
      lb.securityGroups = [...new Set(asked.SecurityGroups)];
    });
    return {};
  },
);

/** One group more, or less, of several load balancers: of all of them or of none. */
const setSecurityGroupForLoadbalancers = action(
  'SetSecurityGroupForLoadbalancers',
  structure(
    {
      SecurityGroup: text(),
      OperationType: word('ADD', 'DEL'),
      LoadBalancerIds: list(text(), { min: 1, max: 20 }),
    },
    {},
  ),
  ({ SecurityGroup: group, OperationType, LoadBalancerIds }, engine, context) => {
    const found = [...new Set(LoadBalancerIds)].map((id) => {
      const lb = engine.writable(id, context.region);
      const others = (lb.securityGroups ?? []).filter((one) => one !== group);
      if (OperationType === 'ADD' && others.length >= maxGroups) throw tooLong('SecurityGroups', maxGroups);
      return { lb, groups: OperationType === 'ADD' ? [...others, group] : others };
    });
    engine.atOnce(LoadBalancerIds, context, () => {
      for (const { lb, groups } of found) lb.securityGroups = groups;
    });
    return {};
  },
);

export const securityGroupActions = (): Action[] => [
  setLoadBalancerSecurityGroups,
  setSecurityGroupForLoadbalancers,
];
