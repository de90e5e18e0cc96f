import type { ClbSimulator } from '../clb/simulator.ts';
import type { History } from './history.ts';

/**
 * Writes what the CLB simulator records into the history.
 *
 * @returns ends it
 */
export const followClb = (clb: ClbSimulator, history: History): (() => void) => {
  const changed = new Set<string>();
  /** Once for all that one write changes: its effects come in one turn. */
  const stateOf = ({ loadBalancerId }: { readonly loadBalancerId: string }): void => {
    if (changed.size === 0) queueMicrotask(tellStates);
    changed.add(loadBalancerId);
  };
  const tellStates = (): void => {
    for (const loadBalancer of clb.state().loadBalancers) {
      if (changed.has(loadBalancer.id)) history.add({ type: 'clb-state', loadBalancer });
    }
    changed.clear();
  };
  const ends = [
    clb.on('loadBalancer', stateOf),
    clb.on('listener', stateOf),
    clb.on('rule', stateOf),
    clb.on('target', stateOf),
    clb.on('call', ({ action, code, ms, parameters }) =>
      history.add({ type: 'call', action, code, ms: Math.round(ms), parameters }),
    ),
    clb.on('loadBalancer', ({ loadBalancerId, change }) =>
      history.add({ type: 'load-balancer', loadBalancerId, change }),
    ),
    clb.on('listener', ({ loadBalancerId, listenerId, change }) =>
      history.add({ type: 'listener', loadBalancerId, listenerId, change }),
    ),
    clb.on('rule', (event) => history.add({ type: 'rule', ...event })),
    clb.on('target', (event) => history.add({ type: 'target', ...event })),
    clb.on('health', (event) => history.add({ type: 'health', ...event })),
    clb.on('refused', ({ client, reason }) => history.add({ type: 'refused', client, reason })),
    clb.on('warning', (text) => history.add({ type: 'warning', text })),
  ];
  return () => {
    for (const end of ends) end();
  };
};
