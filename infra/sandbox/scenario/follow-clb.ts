import type { ClbSimulator } from '../clb/simulator.ts';
import type { History } from './history.ts';

/**
 * Writes what the CLB simulator records into the history.
 *
 * @returns ends it
 */
export const followClb = (clb: ClbSimulator, history: History): (() => void) => {
  const ends = [
    clb.on('call', ({ action, code, ms, parameters }) =>
      history.add({ type: 'call', action, code, ms: Math.round(ms), parameters }),
    ),
    clb.on('loadBalancer', ({ loadBalancerId, change }) =>
      history.add({ type: 'load-balancer', loadBalancerId, change }),
    ),
    clb.on('listener', ({ loadBalancerId, listenerId, change }) =>
      history.add({ type: 'listener', loadBalancerId, listenerId, change }),
    ),
    clb.on('target', ({ loadBalancerId, listenerId, ip, port, change, weight }) =>
      history.add({ type: 'target', loadBalancerId, listenerId, ip, port, change, weight }),
    ),
    clb.on('health', ({ loadBalancerId, listenerId, ip, port, from, to }) =>
      history.add({ type: 'health', loadBalancerId, listenerId, ip, port, from, to }),
    ),
    clb.on('refused', ({ client, reason }) => history.add({ type: 'refused', client, reason })),
    clb.on('warning', (text) => history.add({ type: 'warning', text })),
  ];
  return () => {
    for (const end of ends) end();
  };
};
