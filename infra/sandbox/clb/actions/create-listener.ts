import { ApiError } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import { newId } from '../ids.ts';
import type { Listener } from '../load-balancer.ts';
import type { Layer4Protocol, Layer7Protocol, Protocol } from '../model.ts';
import { Pool } from '../pool.ts';
import { action } from './action.ts';
import { tlsOf } from './certificate-parameters.ts';
import { defaultHealthCheck, mergeHealthCheck } from './health-check-parameters.ts';
import {
  checkMembers,
  checkNames,
  checkNewTls,
  checkPorts,
  type NewListener,
  newListenerParameters,
  supportedProtocol,
} from './listener-parameters.ts';

/** @throws ApiError when anything about them is wrong; their certificates last */
const newListeners = (asked: NewListener, protocol: Protocol, engine: Engine): Listener[] =>
  protocol === 'HTTP' || protocol === 'HTTPS'
    ? layer7Listeners(asked, protocol, engine)
    : layer4Listeners(asked, protocol, engine);

const layer4Listeners = (asked: NewListener, protocol: Layer4Protocol, engine: Engine): Listener[] => {
  const { Scheduler: scheduler = 'WRR', ListenerNames: names } = asked;
  if (scheduler !== 'WRR' && scheduler !== 'LEAST_CONN') {
    throw new ApiError('InvalidParameterValue', 'Scheduler should be WRR or LEAST_CONN');
  }
  const healthCheck = mergeHealthCheck(defaultHealthCheck(protocol), asked.HealthCheck, protocol);
  const tls = tlsOf(asked, '', engine);
  return asked.Ports.map(
    (port, at): Listener => ({
      layer: 4,
      id: newId('lbl'),
      protocol,
      port,
      ...(asked.EndPort === undefined ? {} : { endPort: asked.EndPort }),
      createdAt: new Date(),
      name: names?.[at] ?? '',
      sessionType: asked.SessionType ?? 'NORMAL',
      deregisterTargetRst: asked.DeregisterTargetRst ?? false,
      idleConnectTimeoutSeconds: asked.IdleConnectTimeout ?? (protocol === 'UDP' ? 300 : 900),
      ...(tls === undefined ? {} : { tls }),
      pool: new Pool(healthCheck, scheduler, asked.SessionExpireTime ?? 0),
    }),
  );
};

const layer7Listeners = (asked: NewListener, protocol: Layer7Protocol, engine: Engine): Listener[] => {
  const tls = tlsOf(asked, '', engine);
  return asked.Ports.map(
    (port, at): Listener => ({
      layer: 7,
      id: newId('lbl'),
      protocol,
      port,
      createdAt: new Date(),
      name: asked.ListenerNames?.[at] ?? '',
      ...(tls === undefined ? {} : { tls }),
      sni: asked.SniSwitch === 1,
      keepalive: asked.KeepaliveEnable === 1,
      rules: new Map(),
      defaultDomain: undefined,
    }),
  );
};

export const createListener = action('CreateListener', newListenerParameters, (asked, engine, context) => {
  const lb = engine.writable(asked.LoadBalancerId, context.region);
  const protocol = supportedProtocol(asked);
  checkPorts(asked, lb, engine);
  checkNames(asked);
  checkMembers(asked, protocol, lb);
  checkNewTls(asked, protocol);
  const listeners = newListeners(asked, protocol, engine);
  engine.begin([lb.id], context, {
    taskName: 'CreateListener',
    durationMs: engine.settings.createListenerMs,
    apply: async () => {
      const opened: Listener[] = [];
      try {
        for (const listener of listeners) {
          await engine.runtime.openListener(lb, listener);
          opened.push(listener);
        }
      } catch (error) {
        for (const listener of opened) engine.runtime.closeListener(lb, listener);
        throw error;
      }
    },
  });
  return { ListenerIds: listeners.map(({ id }) => id) };
});
